// The names that every handler of this dialect uses. A handler decodes, calls a service, and shows; the
// route table has settled who may call.
#pragma once
#include <charconv>

#include "daemon/http/message.hpp"
#include "daemon/services/audit.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/services.hpp"

namespace qflow::api {
namespace json = boost::json;
using http::Reply;
using http::Request;
using services::missing;
using services::on_engine;
using services::on_pool;
using services::Services;

/// Who sends a request, for the audit log.
inline services::Actor actor_of(const Request& request) {
  return {request.caller && request.caller->signed_in() ? request.caller->email : "", request.peer};
}

/// {version} of the path. Throws Fault(not_found) for what is not a number: there is no such version.
inline std::int64_t version_in(const Request& request) {
  const std::string& text = request.parameter("version");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) throw missing("version", text);
  return number;
}

}  // namespace qflow::api
