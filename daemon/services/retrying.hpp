// Runs a finished execution again, from its start or from what it has recorded. Io threads.
#pragma once
#include <string>
#include <vector>

#include "daemon/services/running.hpp"

namespace qflow::services {

/// An execution that runs again.
struct Retried {
  Started started;
  std::vector<std::string> reused;  ///< nodes whose recorded values are used again
  std::vector<std::string> again;   ///< nodes that run
};
/// Runs a finished execution of the caller's again. `from_failed`: go on from the values that it has recorded;
/// otherwise from its start. `current`: the workflow as it is now, not as it was. Throws Fault: not_found; conflict
/// while it runs.
Task<Retried> retry_execution(Services& services, const auth::Caller& caller, std::string id, bool from_failed,
                              bool current);

}  // namespace qflow::services
