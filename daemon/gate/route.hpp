// A line of a dialect's route table: what the transport matches, and who answers.
#pragma once
#include "daemon/http/endpoint.hpp"
#include "daemon/http/message.hpp"
#include "daemon/services/services.hpp"

namespace qflow::gate {

struct Route : http::Endpoint {
  /// Runs on the io threads. A Fault that it throws becomes the reply.
  using Handler = Task<http::Reply> (*)(services::Services&, const http::Request&);
  Handler handle = nullptr;  ///< null: a WebSocket
  unsigned reads = 0;  ///< parts of the store (store::Part) that the reply depends on; not 0: it may be remembered
};

}  // namespace qflow::gate
