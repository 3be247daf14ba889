// The route table: what may be called, by whom, how it is counted, who answers. schema/openapi.yaml says the same of
// every line, and a test holds the two against each other.
#pragma once
#include <functional>
#include <set>
#include <span>
#include <string>

#include "daemon/api/services.hpp"
#include "daemon/http/endpoint.hpp"

namespace qflow::api {

struct Route : http::Endpoint {
  using Handler = Task<Reply> (*)(Services&, const Request&);
  Handler handle = nullptr;  ///< null: a WebSocket
  unsigned reads = 0;  ///< parts of the store (store::Part) that the reply follows from; not 0: it may be remembered
};

std::span<const Route> routes();
/// What an API key can be made to reach: each route's scope, with * in the place of either word, and *.
const std::set<std::string, std::less<>>& scopes();

}  // namespace qflow::api
