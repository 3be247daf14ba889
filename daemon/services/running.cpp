#include "daemon/services/running.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/check/pin_check.hpp"
#include "daemon/engine/kept_workers.hpp"
#include "daemon/flow/lineage.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/services/background.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/concurrency_key.hpp"
#include "daemon/services/ending.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/kept_values.hpp"
#include "daemon/services/sub_workflows.hpp"
#include "daemon/services/waiting.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

/// How long the start of an execution waits for the types of code that is not described yet.
constexpr auto kDescribePatience = std::chrono::seconds(3);

// Refuses a wrong connection, literal or pinned value before anything runs. Nodes that are not described yet are
// described first; the engine checks again once their functions are loaded.
Task<> refuse_if_wrong(Services& services, const engine::Order& order, const std::optional<json::value>& input,
                       const std::string& who) {
  if (order.plan.types == flow::TypeChecks::off) co_return;
  const auto descriptions = co_await describe_within(services, check::sources_of(order.plan, who), kDescribePatience);
  const auto start = Clock::now();
  check::Look look;
  look.types_only = true;
  look.with_input = true;
  look.input = input ? &*input : nullptr;
  look.input_rules = order.input_rules;
  for (std::size_t i = 0; i < order.plan.steps.size(); ++i)
    if (order.gives(i)) look.pinned.insert(i);
  const auto types = check::types_of(order.plan, descriptions);
  auto findings = check::check_types(order.plan, types, *order.catalog, look);
  for (check::Finding& one : check::check_pins(order.plan, types, order.pins)) findings.push_back(std::move(one));
  services.metrics.type_validation("workflow", milliseconds_since(start) / 1000);
  refuse_wrong_types(findings);
}

// What the workflow itself pins.
flow::Pins pinned_in(const store::Workflow& w) {
  if (w.extra.find("\"pinData\"") == std::string::npos) return {};
  const json::value extra = stored_json(w.extra);
  const json::value* pins = extra.is_object() ? extra.get_object().if_contains("pinData") : nullptr;
  return pins != nullptr && pins->is_object() ? flow::read_pins(pins->get_object()) : flow::Pins();
}

// Adds what is recorded of the execution whose values are to be used again; with another input these are not the values
// that its nodes would give now.
void take_recorded(sqlite::Db& db, const auth::Caller& caller, const std::string& workflow_id,
                   std::optional<json::value>& input, PartialRun& part) {
  if (*part.reuse == "last") {
    part.reuse_latest = true;
    part.reuse = last_execution(db, workflow_id);
    if (!part.reuse) return;
  }
  const store::Execution row = own_execution(db, caller, *part.reuse);
  if (row.workflow_id != workflow_id)
    throw Fault(FaultKind::bad_input, "wrong_execution",
                fmt::format("/reuse: execution {} is not of this workflow", *part.reuse));
  const auto before = store::find_input(db, row.id);
  if (!input && before) input = stored_json(*before);
  if (json::serialize(input.value_or(nullptr)) != before.value_or("null")) return;
  for (auto& [name, value] : recorded_values(db, row.id)) part.known.emplace(name, std::move(value));
}

}  // namespace

Task<Started> start_execution(Services& services, const store::Workflow& workflow, StartRequest request) {
  flow::Graph graph = graph_of(workflow);
  co_await settle_container(services, graph, request.created_by);
  engine::Order order;
  order.keeps_worker = request.mode == "manual";
  if (order.keeps_worker) order.lineages = flow::lineages(graph);
  // Not by one that will wait: what waits holds no process.
  if (order.keeps_worker && request.part.may_use_kept() && !services.engine.full())
    order.kept = co_await take_kept(services, request.created_by, workflow.id);
  if (order.kept && request.input && json::serialize(*request.input) != order.kept->input) order.kept.reset();
  if (order.kept && !request.input && order.kept->input) request.input = stored_json(*order.kept->input);
  plan_part(graph, *services.settings.get(), request.part, order);
  // Before anything that takes time: what comes meanwhile is counted, too.
  if (!request.in_parents_place) order.ticket = admit(services, request.created_by);
  order.catalog = co_await catalog_of(services, request.created_by);
  order.input_rules = rules_of(request.mode);
  co_await refuse_if_wrong(services, order, request.input, request.created_by);
  order.concurrency_key = co_await concurrency_key(services, graph, request.input, request.created_by, order.ticket);
  order.concurrency = concurrency_rule(graph, workflow.id, order.concurrency_key);
  // One that runs within itself counts once: it would wait for itself.
  if (std::find(request.callers.begin(), request.callers.end(), workflow.id) != request.callers.end())
    order.concurrency.limit = 0;
  order.input = std::move(request.input);
  order.execution_id = new_id();
  order.workflow_id = workflow.id;
  order.workflow_name = workflow.name;
  order.mode = std::move(request.mode);
  order.created_by = std::move(request.created_by);
  order.retry_of = std::move(request.retry_of);
  order.document = document_with_part(document_text(workflow), graph, request.part);
  order.quota = quota_of(services);
  order.may_wait = !request.in_parents_place;
  order.goes_on = crash_policy(graph, order.mode) == flow::OnCrash::resume;
  order.resume_url = resume_url(services, order.execution_id);
  order.state_changes = std::move(request.state_changes);
  order.parent = std::move(request.parent);
  order.in_parents_place = request.in_parents_place;
  order.callers = std::move(request.callers);
  order.respond = std::move(request.respond);
  let_call_workflows(services, order);
  order.queued = !order.in_parents_place && services.engine.full();
  if (order.queued || order.concurrency.limit > 0)
    order.room = waiting_room(services, order.created_by, order.document.size());
  Started started;
  started.id = order.execution_id;
  started.workflow_id = workflow.id;
  started.at = now_us();
  started.queued = order.queued;
  started.done = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, Clock::time_point::max());
  co_await services.engine.recorder().start(order);
  auto job = [&services, order = std::move(order)]() mutable { return run_in_background(services, std::move(order)); };
  auto finished = [done = started.done](std::exception_ptr) {
    asio::post(done->get_executor(), [done] { done->expires_at(Clock::time_point::min()); });
  };
  asio::co_spawn(services.engine_executor, std::move(job), std::move(finished));
  co_return started;
}

Task<Started> run_workflow(Services& services, const auth::Caller& caller, std::string id,
                           std::optional<json::value> input, PartialRun part) {
  auto find = [id = std::move(id), caller, &input, &part](sqlite::Db& db) {
    store::Workflow found = own_workflow(db, id, caller.owner_filter());
    if (part.reuse) take_recorded(db, caller, found.id, input, part);
    return found;
  };
  if (part.reuse && !part.destination)
    throw Fault(FaultKind::bad_input, "missing_destination", "/reuse: needs destinationNode, the node that runs again");
  const store::Workflow w = co_await services.store.read(std::move(find));
  StartRequest request;
  request.input = std::move(input);
  request.created_by = w.created_by.value_or(caller.user_id);
  request.part = std::move(part);
  for (auto& [name, value] : pinned_in(w)) request.part.pins.emplace(name, std::move(value));
  Started started = co_await start_execution(services, w, std::move(request));
  co_return started;
}

Task<bool> wait_for(const Started& started, Clock::duration patience, Presence* presence) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer limit(executor, patience);
  limit.async_wait([done = started.done](boost::system::error_code error) {
    if (!error) done->cancel();
  });
  if (presence != nullptr) presence->watch([done = started.done] { done->cancel(); });
  boost::system::error_code ignored;
  if (started.done->expiry() != Clock::time_point::min())
    co_await started.done->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return started.done->expiry() == Clock::time_point::min();
}

}  // namespace qflow::services
