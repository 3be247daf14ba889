#include "daemon/api/running.hpp"

#include <fmt/format.h>

#include "daemon/api/typing_view.hpp"
#include "daemon/api/workflow_view.hpp"
#include "daemon/engine/plan.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/store/assets.hpp"

namespace qflow::api {
namespace {

// Not awaited by anybody: the engine owns it, and drain() waits for it.
Task<> run_in_background(Services& services, engine::Order order) {
  const std::string id = order.execution_id;
  try {
    auto running = services.engine.run(std::move(order), nullptr);
    co_await std::move(running);
  } catch (const std::exception& error) {
    log::warning("api", "an execution did not run", {{"execution_id", id}, {"reason", error.what()}});
  }
}

// The environment that a workflow names decides on its Python, where the workflow says nothing of that.
Task<> settle_container(Services& services, engine::Graph& graph, const std::string& created_by) {
  if (graph.container.empty()) co_return;
  auto job = [id = graph.container](sqlite::Db& db) { return store::find_container(db, id, std::nullopt); };
  const auto container = co_await services.store.read(std::move(job));
  if (!container || container->created_by.value_or(created_by) != created_by)
    throw Fault(FaultKind::bad_input, "missing_container",
                fmt::format("/settings/container: there is no container {}", graph.container));
  if (container->status != "running")
    throw Fault(FaultKind::conflict, "container_not_running",
                fmt::format("/settings/container: container {} is {}", graph.container, container->status));
  if (!graph.python_version) graph.python_version = container->python_version;
}

/// How long the start of an execution waits for the types of code that nobody has seen before.
constexpr auto kPatience = std::chrono::seconds(3);

// A wrong connection or literal is refused before anything runs. What is not known of a node is found out first; the
// engine looks again once its functions are there.
Task<> refuse_if_wrong(Services& services, const engine::Plan& plan, const std::optional<json::value>& input,
                       const engine::CatalogPtr& catalog, const std::string& who) {
  if (plan.types == engine::TypeChecks::off) co_return;
  const auto descriptions = co_await describe_within(services, engine::sources_of(plan, who), kPatience);
  const auto start = Clock::now();
  engine::Look look;
  look.types_only = true;
  look.with_input = true;
  look.input = input ? &*input : nullptr;
  const auto findings = engine::check_types(plan, engine::types_of(plan, descriptions), *catalog, look);
  services.metrics.type_validation("workflow", milliseconds_since(start) / 1000);
  refuse_wrong_types(findings);
}

}  // namespace

Task<Started> start_execution(Services& services, const store::Workflow& workflow, std::optional<json::value> input,
                              std::string mode, std::string created_by) {
  engine::Graph graph = graph_of(workflow);
  co_await settle_container(services, graph, created_by);
  const auto settings = services.settings.get();
  engine::Order order;
  order.plan = engine::make_plan(graph, *settings);
  order.catalog = co_await catalog_of(services, created_by);
  co_await refuse_if_wrong(services, order.plan, input, order.catalog, created_by);
  if (services.engine.waiting() >= services.config.get()->engine.max_waiting)
    throw Fault(FaultKind::unavailable, "busy", "as many executions as may wait are waiting already; try again later");
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
  co_await services.engine.record_start(order);
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

}  // namespace qflow::api
