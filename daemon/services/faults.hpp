// Refusals that several services and handlers share. Any thread.
#pragma once
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The 404 for a row of the kind `what` ("workflow") that is not there, or not the caller's.
Fault missing(const char* what, const std::string& id);
/// Counts one more execution that waits for a place. Throws Fault(unavailable) when as many wait as may.
std::shared_ptr<engine::Ticket> admit(Services& services);

}  // namespace qflow::services
