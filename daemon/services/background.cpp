#include "daemon/services/background.hpp"

#include <fmt/format.h>

#include "daemon/base/near_name.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/error_workflow.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {

Task<> run_in_background(Services& services, engine::Order order) {
  Failure failure{order.execution_id,
                  order.workflow_id.value_or(""),
                  order.workflow_name,
                  order.plan.error_workflow,
                  order.created_by,
                  order.mode,
                  {},
                  {}};
  std::vector<std::string> names;
  if (!failure.error_workflow.empty())
    for (const flow::Step& step : order.plan.steps) names.push_back(step.node.name);
  bool failed = false;
  try {
    auto running = services.engine.run(std::move(order), nullptr);
    const engine::Outcome outcome = co_await std::move(running);
    failed = outcome.status == engine::Status::failed;
    if (outcome.error) failure.error = *outcome.error;
    if (outcome.failed_step && *outcome.failed_step < names.size()) failure.node = names[*outcome.failed_step];
  } catch (const std::exception& error) {
    log::warning("services", "an execution did not run",
                 {{"execution_id", failure.execution_id}, {"reason", error.what()}});
    failed = true;
    failure.error.type = "NotRun";
    failure.error.message = error.what();
  }
  if (failed && !failure.error_workflow.empty() && failure.mode != "error")
    co_await run_error_workflow(services, std::move(failure));
}

namespace {

// As workflows name them.
std::vector<std::string> names_of(const std::vector<workers::Venv>& venvs) {
  std::vector<std::string> out;
  for (const workers::Venv& one : venvs) out.push_back(one.path.substr(one.path.rfind('/') + 1));
  return out;
}

}  // namespace

Task<> settle_container(Services& services, flow::Graph& graph, const std::string& created_by) {
  if (graph.container.empty() || services.settings.get()->named_venv(graph.container) != nullptr) co_return;
  auto job = [id = graph.container](sqlite::Db& db) { return store::find_container(db, id, std::nullopt); };
  const auto container = co_await services.store.read(std::move(job));
  if (!container || container->created_by.value_or(created_by) != created_by)
    throw Fault(FaultKind::bad_input, "missing_container",
                fmt::format("/settings/container: no container has the id {}{}", graph.container,
                            did_you_mean(graph.container, names_of(services.settings.get()->venvs))));
  if (container->status != "running")
    throw Fault(FaultKind::conflict, "container_not_running",
                fmt::format("/settings/container: container {} is {}", graph.container, container->status));
  if (!graph.python_version) graph.python_version = container->python_version;
}

// A webhook's input is its whole request, of which a function takes what it wants.
flow::InputRules rules_of(const std::string& mode) {
  return mode == "webhook" || mode == "error" ? flow::InputRules::open : flow::InputRules::whole;
}

}  // namespace qflow::services
