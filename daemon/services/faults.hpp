// Refusals that several services and handlers share. Any thread.
#pragma once
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The 404 for a row of the kind `what` ("workflow") that is not there, or not the caller's.
Fault missing(const char* what, const std::string& id);
/// Throws Fault(unavailable) when as many executions wait for a place as may.
void refuse_if_full(const Services& services);

}  // namespace qflow::services
