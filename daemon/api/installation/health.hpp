// /health, which is open to everybody and reveals no secrets; /metrics; the API's own description.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> health(Services&, const Request&);
Task<Reply> health_check(Services&, const Request&);
Task<Reply> metrics(Services&, const Request&);
Task<Reply> openapi(Services&, const Request&);

}  // namespace qflow::api
