// The zygote: forks sandboxed workers on demand and reports how they ended. Never runs node code, never parses a
// payload.
#pragma once
#include <string>
#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::pyhost {

/// Imports `modules`, sends `ready`, and serves `spawn` until the daemon closes the socket. Returns the exit status.
/// In a forked worker it does not return at all.
int run_zygote(const sandbox::Policy& policy, const std::vector<std::string>& modules, int socket);

}  // namespace qflow::pyhost
