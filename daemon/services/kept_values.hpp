// Values that a worker of an earlier execution still has, and which of them an execution of a single node may use.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "daemon/services/partial_run.hpp"

namespace qflow::services {

/// The worker that has stayed with the values of the user's last execution by hand of that workflow, for this
/// execution alone; null: there is none. It goes back by itself. Any thread.
Task<std::shared_ptr<engine::KeptWorker>> take_kept(Services& services, std::string user, std::string workflow_id);
/// Ends all workers that have stayed, also those in use when they come back: a user, a workflow, or what there is to
/// run in, has changed or gone. Any thread.
Task<> forget_kept(Services& services);
/// The nodes of the graph whose values in `order.kept` stand for what they would give now: nothing that they depend on
/// has changed, and the caller has them from the record of the execution that made them. Any thread.
std::set<std::string> usable_values(const flow::Graph& graph, const PartialRun& part, const engine::Order& order);
/// Whether a worker of the plan could have them. Any thread.
bool fits_kept(const flow::Plan& plan, const engine::KeptWorker& kept);

}  // namespace qflow::services
