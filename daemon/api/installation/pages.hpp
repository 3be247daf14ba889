// Pages for a person who opens the server's address in a browser: what this is, and the API described. No scripts.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

/// `/`: what this is, the way to an editor and to the API. Fault(not_found) where the client did not ask for HTML.
Task<Reply> start_page(Services& services, const Request& request);
/// `/docs`: every call of the API and every schema, from the same source as /openapi.json.
Task<Reply> docs_page(Services& services, const Request& request);

}  // namespace qflow::api
