// The state that a workflow keeps from one execution to the next (`qflow.state`), for people. Any thread.
#pragma once
#include <string>

#include "daemon/auth/caller.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/state_rows.hpp"

namespace qflow::services {

/// An empty one, changed at 0, when nothing has been kept. Throws Fault(not_found) for a workflow that is not the
/// caller's.
Task<store::WorkflowState> workflow_state(Services& services, const auth::Caller& caller, std::string id);
/// Replaces it. Throws that, too; Fault(bad_input) when it is larger than 1 MiB as JSON. Executions that run keep what
/// they have changed when they end.
Task<store::WorkflowState> set_workflow_state(Services& services, const auth::Caller& caller, std::string id,
                                              json::object state);

}  // namespace qflow::services
