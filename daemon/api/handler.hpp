// The names that every handler of this dialect uses. A handler decodes, calls a service or the store, and shows; the
// route table has settled who may call.
#pragma once
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

}  // namespace qflow::api
