#include "daemon/services/running.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/announcer.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/concurrency_key.hpp"
#include "daemon/services/error_workflow.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/sub_workflows.hpp"
#include "daemon/services/waiting.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/asset_rows.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::services {
namespace {

bool is_open(std::string_view status) { return status == "running" || status == "queued" || status == "waiting"; }

Task<bool> cancel_on_engine(Services& services, std::string id) { co_return services.engine.cancel(id); }

Task<bool> is_active_on_engine(Services& services, std::string id) { co_return services.engine.is_active(id); }

// Nobody awaits this: the engine owns the execution, and drain() waits for it.
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

// A webhook's input is its whole request, of which a function takes what it wants.
flow::InputRules rules_of(const std::string& mode) {
  return mode == "webhook" || mode == "error" ? flow::InputRules::open : flow::InputRules::whole;
}

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
  for (const auto& [step, value] : order.pins) look.pinned.insert(step);
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

}  // namespace

Task<Started> start_execution(Services& services, const store::Workflow& workflow, StartRequest request) {
  flow::Graph graph = graph_of(workflow);
  co_await settle_container(services, graph, request.created_by);
  engine::Order order;
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
  if (order.queued) order.room = waiting_room(services, order.created_by, order.document.size());
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
  auto find = [id = std::move(id), owner = caller.owner_filter()](sqlite::Db& db) {
    return own_workflow(db, id, owner);
  };
  const store::Workflow w = co_await services.store.read(std::move(find));
  StartRequest request;
  request.input = std::move(input);
  request.created_by = w.created_by.value_or(caller.user_id);
  request.part = std::move(part);
  for (auto& [name, value] : pinned_in(w)) request.part.pins.emplace(name, std::move(value));
  Started started = co_await start_execution(services, w, std::move(request));
  co_return started;
}

namespace {

constexpr std::int64_t kMostRead = 64 << 20;  // bytes of an execution's record

// What a retry is made of.
struct Repeated {
  store::Execution row;  ///< without its input and output
  std::optional<std::string> input;
  store::Workflow workflow;
  PartialRun part;
  std::vector<std::pair<std::string, json::object>> state_changes;  ///< of the workflow's state, with the node's name
};

Repeated read_repeated(sqlite::Db& db, const auth::Caller& caller, const std::string& id, bool from_failed,
                       bool current) {
  Repeated out;
  out.row = own_execution(db, caller, id);
  out.input = store::find_input(db, id);
  if (is_open(out.row.status))
    throw Fault(FaultKind::conflict, "still_running",
                fmt::format("execution {} is {}; stop it first", id, out.row.status));
  if (current) {
    out.workflow = own_workflow(db, out.row.workflow_id.value_or(""), caller.owner_filter());
  } else {
    const auto text = store::find_document(db, out.row.document_hash.value_or(""));
    if (!text)
      throw Fault(FaultKind::conflict, "missing_document", "what it ran was not kept; retry the current workflow");
    const json::value document = stored_json(*text);
    out.workflow = fresh_workflow(out.row.created_by.value_or(caller.user_id));
    take_workflow(document.as_object(), out.workflow);
    out.workflow.id = out.row.workflow_id.value_or("");
    out.part = part_in(document.as_object());
  }
  if (!from_failed) return out;
  out.part.known = recorded_values(db, id);
  for (const store::NodeExecution& row : store::nodes_of(db, id, kMostRead)) {
    if (!row.told || row.status != "completed") continue;
    const json::value told = stored_json(*row.told);
    if (told.is_object() && told.get_object().contains("state"))
      out.state_changes.emplace_back(row.node_name, told.get_object().at("state").as_object());
  }
  return out;
}

}  // namespace

Task<Retried> retry_execution(Services& services, const auth::Caller& caller, std::string id, bool from_failed,
                              bool current) {
  auto read = [id, caller, from_failed, current](sqlite::Db& db) {
    return read_repeated(db, caller, id, from_failed, current);
  };
  Repeated repeated = co_await services.store.read(std::move(read));
  Retried out;
  const flow::Graph graph = graph_of(repeated.workflow);
  const flow::Pins kept = settled_pins(graph, repeated.part);
  for (const flow::Node& node : graph.nodes) {
    if (node.role != flow::NodeRole::code && node.role != flow::NodeRole::flow) continue;
    (kept.count(node.name) != 0 ? out.reused : out.again).push_back(node.name);
  }
  StartRequest request;
  for (auto& [name, change] : repeated.state_changes)
    if (kept.count(name) != 0) request.state_changes.push_back(std::move(change));
  if (repeated.input) request.input = stored_json(*repeated.input);
  request.mode = "retry";
  request.created_by = repeated.row.created_by.value_or(caller.user_id);
  request.part = std::move(repeated.part);
  request.retry_of = id;
  out.started = co_await start_execution(services, repeated.workflow, std::move(request));
  co_return out;
}

namespace {

constexpr std::size_t kMostResumed = 200;  // in memory at a time; the others wait in the store

// The user whose execution it is; one without access runs nothing.
void require_access(sqlite::Db& db, const store::Execution& row) {
  if (!row.created_by) return;
  const auto user = store::find_user(db, *row.created_by);
  if (!user || !user->is_active)
    throw Fault(FaultKind::forbidden, "no_access", "the user who started it no longer has access");
}

// The workflows that ran one another down to this execution, without its own.
std::vector<std::string> callers_of(sqlite::Db& db, const store::Execution& row) {
  std::vector<std::string> out;
  std::optional<std::string> parent = row.parent_execution_id;
  while (parent && out.size() < flow::kMostDepth) {
    const auto above = store::find_summary(db, *parent);
    if (!above) break;
    out.insert(out.begin(), above->workflow_id.value_or(""));
    parent = above->parent_execution_id;
  }
  return out;
}

// Plans a queued execution anew, from the document that was kept with it.
Task<engine::Order> queued_order(Services& services, const store::Execution& row) {
  auto read = [row](sqlite::Db& db) {
    require_access(db, row);
    return std::make_tuple(store::find_document(db, row.document_hash.value_or("")).value_or(""),
                           recorded_state(db, row.id), callers_of(db, row));
  };
  if (row.mode == "workflow")
    throw Fault(FaultKind::conflict, "crashed", "the execution that waited for it has ended with its process");
  engine::Order order;
  auto [text, recorded, callers] = co_await services.store.read(std::move(read));
  const json::value document = stored_json(text);
  if (!document.is_object())
    throw Fault(FaultKind::internal, "missing_document", "what it was to run is not in the store");
  flow::Graph graph = flow::read_workflow(document.get_object());
  if (!graph.python_version && !row.python_version.empty()) graph.python_version = row.python_version;
  order.created_by = row.created_by.value_or("");
  co_await settle_container(services, graph, order.created_by);
  plan_part(graph, *services.settings.get(), part_in(document.get_object()), order);
  order.catalog = co_await catalog_of(services, order.created_by);
  order.input_is_recorded = row.bytes > 0;
  order.execution_id = row.id;
  order.workflow_id = row.workflow_id;
  order.workflow_name = row.workflow_name;
  order.mode = row.mode;
  order.input_rules = rules_of(row.mode);
  order.queued = order.resumable = order.may_wait = true;
  order.concurrency_key = row.concurrency_key.value_or("");
  order.concurrency = concurrency_rule(graph, row.workflow_id, order.concurrency_key);
  order.quota = quota_of(services);
  order.goes_on = crash_policy(graph, row.mode) == flow::OnCrash::resume;
  order.resume_url = resume_url(services, row.id);
  order.parent = row.parent_execution_id;
  order.callers = std::move(callers);
  let_call_workflows(services, order);
  auto resume = [&services, &recorded = recorded, &plan = order.plan] {
    return resumption_of(plan, recorded, services.store);
  };
  order.resumed = co_await services.store.offload(std::move(resume));
  order.room = waiting_room(services, order.created_by, text.size());
  co_return order;
}

Task<> end_queued(Services& services, store::Execution row, std::string status, std::string message) {
  auto job = [row = std::move(row), status = std::move(status), message = std::move(message)](sqlite::Tx& tx) mutable {
    const bool ended = store::end_execution(tx, row, status, message);
    return ended ? std::optional(std::move(row)) : std::nullopt;
  };
  const auto ended = co_await services.store.write_always(std::move(job));
  if (ended) publish_end(services.events, *ended);
}

// False: something failed that may work later.
Task<bool> resume_one(Services& services, const std::string& id, ResumedCount running) {
  auto find = [id](sqlite::Db& db) { return store::find_summary(db, id); };
  const auto row = co_await services.store.read(std::move(find));
  if (!row || row->status != "queued") co_return true;  // stopped or deleted meanwhile
  std::string problem;
  bool crashed = false;
  try {
    engine::Order order = co_await queued_order(services, *row);
    auto job = [&services, order = std::move(order)]() mutable {
      return run_in_background(services, std::move(order));
    };
    ++*running;
    asio::co_spawn(services.engine_executor, std::move(job), [running](std::exception_ptr) { --*running; });
    co_return true;
  } catch (const Fault& fault) {
    if (fault.kind == FaultKind::unavailable) co_return false;
    problem = fault.message;
    crashed = fault.code == "crashed";
  }
  co_await end_queued(services, *row, crashed ? "crashed" : "failed", "it cannot go on: " + problem);
  co_return true;
}

}  // namespace

Task<> resume_queued(Services& services, std::vector<std::string> ids, ResumedCount running) {
  if (!running) running = std::make_shared<std::atomic<std::size_t>>(0);
  std::deque<std::string> left(ids.begin(), ids.end());
  for (std::size_t in_vain = 0; !left.empty();) {
    while (*running >= kMostResumed) co_await sleep_for(std::chrono::milliseconds(50));
    std::string id = std::move(left.front());
    left.pop_front();
    bool done = false;
    try {
      done = co_await resume_one(services, id, running);
    } catch (const std::exception& error) {
      log::error("services", "a queued execution could not be started again; it will be tried again",
                 {{"execution_id", id}, {"reason", error.what()}});
    }
    in_vain = done ? 0 : in_vain + 1;
    if (!done) left.push_back(std::move(id));  // it does not hold up the others
    if (!done && in_vain >= left.size()) co_await sleep_for(std::chrono::seconds(1));
  }
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

store::Execution own_execution(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto found = store::find_summary(db, id);
  if (!found || (!caller.sees_all() && found->created_by != caller.user_id)) throw missing("execution", id);
  return std::move(*found);
}

Task<bool> end_execution(Services& services, std::string id) {
  // The kill is immediate; the record follows within moments. What is not in the engine may come to it just now, or was
  // queued by a process that is gone.
  auto look = [id](sqlite::Db& db) { return store::find_summary(db, id); };
  for (int i = 0; i < 100; ++i) {
    const std::optional<store::Execution> row = co_await services.store.read(look);
    if (!row || !is_open(row->status)) co_return true;
    auto cancel = [&services, id] { return cancel_on_engine(services, id); };
    const bool cancelled = co_await on_engine(services, std::move(cancel));
    if (!cancelled && row->status != "running")
      co_await end_queued(services, *row, "cancelled", "it was stopped before it began");
    else co_await sleep_for(std::chrono::milliseconds(20));
  }
  co_return false;
}

Task<> stop_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { return own_execution(db, caller, id); };
  const store::Execution row = co_await services.store.read(look);
  if (!is_open(row.status))
    throw Fault(FaultKind::conflict, "already_finished",
                fmt::format("execution {} has already finished as {}", id, row.status));
  const bool ended = co_await end_execution(services, id);
  if (!ended)
    throw Fault(FaultKind::conflict, "not_stopped",
                fmt::format("execution {} does not run in this server, or its end could not be recorded yet", id));
}

Task<> delete_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { own_execution(db, caller, id); };
  co_await services.store.read(std::move(look));
  auto active = [&services, id] { return is_active_on_engine(services, id); };
  if (co_await on_engine(services, std::move(active)))
    throw Fault(FaultKind::conflict, "still_running", fmt::format("execution {} is running; stop it first", id));
  auto job = [id, caller](sqlite::Tx& tx) {
    const store::Execution row = own_execution(*tx.operator->(), caller, id);
    // Between its first row and the engine, or in a `qflow run`.
    if (row.status == "running" && store::is_alive(row.owner))
      throw Fault(FaultKind::conflict, "still_running", fmt::format("execution {} is running; stop it first", id));
    std::vector<std::string> orphans;
    store::delete_execution(tx, id, orphans);
    return orphans;
  };
  const std::vector<std::string> orphans = co_await services.store.write_always(std::move(job));
  auto clean = [&store = services.store, orphans] {
    for (const std::string& hash : orphans) store.drop_blob(hash);
  };
  if (!orphans.empty()) co_await services.store.offload(std::move(clean));
}

}  // namespace qflow::services
