#include "daemon/services/running.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {
namespace {

Task<bool> cancel_on_engine(Services& services, std::string id) { co_return services.engine.cancel(id); }

Task<bool> is_active_on_engine(Services& services, std::string id) { co_return services.engine.is_active(id); }

// Nobody awaits this: the engine owns the execution, and drain() waits for it.
Task<> run_in_background(Services& services, engine::Order order) {
  const std::string id = order.execution_id;
  try {
    auto running = services.engine.run(std::move(order), nullptr);
    co_await std::move(running);
  } catch (const std::exception& error) {
    log::warning("services", "an execution did not run", {{"execution_id", id}, {"reason", error.what()}});
  }
}

// The environment that a workflow names sets its Python version, unless the workflow sets one itself.
Task<> settle_container(Services& services, flow::Graph& graph, const std::string& created_by) {
  if (graph.container.empty()) co_return;
  auto job = [id = graph.container](sqlite::Db& db) { return store::find_container(db, id, std::nullopt); };
  const auto container = co_await services.store.read(std::move(job));
  if (!container || container->created_by.value_or(created_by) != created_by)
    throw Fault(FaultKind::bad_input, "missing_container",
                fmt::format("/settings/container: no container has the id {}", graph.container));
  if (container->status != "running")
    throw Fault(FaultKind::conflict, "container_not_running",
                fmt::format("/settings/container: container {} is {}", graph.container, container->status));
  if (!graph.python_version) graph.python_version = container->python_version;
}

/// How long the start of an execution waits for the types of code that is not described yet.
constexpr auto kPatience = std::chrono::seconds(3);

// Refuses a wrong connection or literal before anything runs. Nodes that are not described yet are described first; the
// engine checks again once their functions are loaded.
Task<> refuse_if_wrong(Services& services, const flow::Plan& plan, const std::optional<json::value>& input,
                       const check::CatalogPtr& catalog, const std::string& who) {
  if (plan.types == flow::TypeChecks::off) co_return;
  const auto descriptions = co_await describe_within(services, check::sources_of(plan, who), kPatience);
  const auto start = Clock::now();
  check::Look look;
  look.types_only = true;
  look.with_input = true;
  look.input = input ? &*input : nullptr;
  const auto findings = check::check_types(plan, check::types_of(plan, descriptions), *catalog, look);
  services.metrics.type_validation("workflow", milliseconds_since(start) / 1000);
  refuse_wrong_types(findings);
}

}  // namespace

Task<Started> start_execution(Services& services, const store::Workflow& workflow, std::optional<json::value> input,
                              std::string mode, std::string created_by) {
  flow::Graph graph = graph_of(workflow);
  co_await settle_container(services, graph, created_by);
  const auto settings = services.settings.get();
  engine::Order order;
  order.plan = flow::make_plan(graph, *settings);
  // Before anything that takes time: what comes meanwhile is counted, too.
  order.ticket = admit(services);
  order.catalog = co_await catalog_of(services, created_by);
  co_await refuse_if_wrong(services, order.plan, input, order.catalog, created_by);
  order.input = std::move(input);
  order.execution_id = new_id();
  order.workflow_id = workflow.id;
  order.workflow_name = workflow.name;
  order.mode = std::move(mode);
  order.created_by = std::move(created_by);
  Started started;
  started.id = order.execution_id;
  started.at = now_us();
  started.done = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, Clock::time_point::max());
  co_await services.engine.recorder().start(order);
  auto job = [&services, order = std::move(order)]() mutable { return run_in_background(services, std::move(order)); };
  auto finished = [done = started.done](std::exception_ptr) {
    asio::post(done->get_executor(), [done] { done->expires_at(Clock::time_point::min()); });
  };
  asio::co_spawn(services.engine_executor, std::move(job), std::move(finished));
  co_return started;
}

Task<bool> wait_for(const Started& started, Clock::duration patience) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer limit(executor, patience);
  limit.async_wait([done = started.done](boost::system::error_code error) {
    if (!error) done->cancel();
  });
  boost::system::error_code ignored;
  if (started.done->expiry() != Clock::time_point::min())
    co_await started.done->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return started.done->expiry() == Clock::time_point::min();
}

store::Execution own_execution(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto found = store::find_execution(db, id);
  if (!found || (!caller.sees_all() && found->created_by != caller.user_id)) throw missing("execution", id);
  return std::move(*found);
}

Task<> stop_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { return own_execution(db, caller, id).status; };
  std::string status = co_await services.store.read(look);
  auto cancel = [&services, id] { return cancel_on_engine(services, id); };
  const bool cancelled = co_await on_engine(services, std::move(cancel));
  if (!cancelled) {
    status = co_await services.store.read(look);
    if (status != "running")
      throw Fault(FaultKind::conflict, "already_finished",
                  fmt::format("execution {} has already finished as {}", id, status));
  }
  // The kill is immediate; the record follows within moments.
  for (int i = 0; i < 100 && status == "running"; ++i) {
    co_await sleep_for(std::chrono::milliseconds(20));
    status = co_await services.store.read(look);
  }
}

Task<> delete_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { own_execution(db, caller, id); };
  co_await services.store.read(std::move(look));
  auto active = [&services, id] { return is_active_on_engine(services, id); };
  if (co_await on_engine(services, std::move(active)))
    throw Fault(FaultKind::conflict, "still_running",
                fmt::format("execution {} is running; stop it first (POST /executions/{}/stop)", id, id));
  auto job = [id, caller](sqlite::Tx& tx) {
    own_execution(*tx.operator->(), caller, id);
    std::vector<std::string> orphans;
    store::delete_execution(tx, id, orphans);
    return orphans;
  };
  const std::vector<std::string> orphans = co_await services.store.write(std::move(job));
  auto clean = [&store = services.store, orphans] {
    for (const std::string& hash : orphans) store.drop_blob(hash);
  };
  if (!orphans.empty()) co_await services.store.offload(std::move(clean));
}

}  // namespace qflow::services
