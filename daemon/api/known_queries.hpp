// Query parameters that are probably misspelt, by what schema/openapi.yaml describes. Io threads.
#pragma once
#include "daemon/gate/route.hpp"

namespace qflow::api {

/// Throws Fault(bad_input) for a parameter that the operation does not describe and that is nearly one that it does.
/// Others are left to clients (cache busters, tracing). A webhook's are its workflow's.
void check_query(const gate::Route& route, const http::Request& request);

}  // namespace qflow::api
