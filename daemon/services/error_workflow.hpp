// The workflow that runs when another one has failed (settings.errorWorkflow). Engine strand.
#pragma once
#include "daemon/engine/outcome.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// What is known of an execution that has failed.
struct Failure {
  std::string execution_id, workflow_id, workflow_name, error_workflow, created_by, mode;
  engine::NodeError error;
  std::string node;
};
/// Runs the error workflow once, as the failed execution's user, with {execution, workflow, error, node}. Its own
/// failure starts nothing. What keeps it from running is logged.
Task<> run_error_workflow(Services& services, Failure failure);

}  // namespace qflow::services
