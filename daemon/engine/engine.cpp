#include "daemon/engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/engine/files.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/fault.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/observe/time.hpp"

namespace qflow::engine {

Engine::Engine(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store, unsigned max_running,
               int isolation_level, std::string isolation_missing)
    : executor_(executor),
      pool_(pool),
      store_(store),
      free_places_(max_running),
      isolation_level_(isolation_level),
      isolation_missing_(std::move(isolation_missing)) {}

Task<> Engine::record_start(const Order& order) {
  store::Execution row;
  row.id = order.execution_id;
  row.workflow_id = order.workflow_id;
  row.workflow_name = order.workflow_name;
  row.status = "running";
  row.mode = order.mode;
  row.started_at = now_us();
  if (order.input) row.input_data = json::serialize(*order.input);
  row.python_version = order.plan.python;
  row.isolation_level = isolation_level_;
  row.isolation_missing = isolation_missing_;
  row.sandbox = json::serialize(sandboxes_json(order.plan));
  row.owner = owner_;
  if (!order.created_by.empty()) row.created_by = order.created_by;
  if (!order.plan.environment.empty()) row.container_id = order.plan.environment;
  auto job = [row = std::move(row)](sqlite::Tx& tx) { store::insert_execution(tx, row); };
  co_await store_->write(std::move(job));
}

// First come, first served. False: cancelled while it waited.
Task<bool> Engine::take_place(std::string key) {
  if (free_places_ > 0 && waiting_.empty()) {
    --free_places_;
    co_return true;
  }
  const auto waiter =
      std::make_shared<Waiter>(Waiter{std::move(key), false, asio::steady_timer(executor_, Clock::time_point::max())});
  waiting_.push_back(waiter);
  waiting_count_ = waiting_.size();
  boost::system::error_code ignored;
  co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return waiter->granted;
}

void Engine::give_place() {
  if (waiting_.empty()) {
    ++free_places_;
    return;
  }
  waiting_.front()->granted = true;  // the place goes to that one
  waiting_.front()->timer.cancel();
  waiting_.pop_front();
  waiting_count_ = waiting_.size();
}

Task<Outcome> Engine::run(Order order, StepObserver observer) {
  const std::string key = order.execution_id.empty() ? fmt::format("#{}", ++unnamed_) : order.execution_id;
  StepObserver tell = [this, &order, &observer](std::size_t step, const StepRun& run) {
    if (run.status != Status::running) record_step(order, order.plan, step, run);
    if (observer) observer(step, run);
    if (listener_ != nullptr) listener_->on_step(order, step, run);
  };
  OutputObserver output;
  if (listener_ != nullptr && listener_->wants_output())
    output = [this, &order](std::size_t step, bool standard_error, std::string_view text) {
      listener_->on_output(order, step, standard_error, text);
    };
  if (listener_ != nullptr) listener_->on_start(order);
  Run one(pool_, signatures_, order.plan, order.input, std::move(tell), std::move(output), !order.execution_id.empty(),
          order.catalog);
  active_.emplace(key, &one);
  // One that comes while the daemon stops is recorded as cancelled.
  const bool late = draining_;
  if (late) one.cancel();
  const bool placed = !late && co_await take_place(key);
  Outcome outcome;
  std::optional<Fault> fault;
  try {
    outcome = co_await one.execute();
  } catch (const Fault& f) {
    fault = f;
  } catch (const std::exception& e) {
    fault = Fault(FaultKind::internal, "internal", e.what());
  }
  if (placed) give_place();
  active_[key] = nullptr;  // cannot be cancelled any more, but is not over until it is recorded
  if (fault) {
    outcome.steps.resize(order.plan.steps.size());
    outcome.status = Status::failed;
    outcome.error = NodeError{fault->code, fault->message, "", {}, Cause::not_run};
  }
  std::exception_ptr unrecorded;
  try {
    if (store_ != nullptr && !order.execution_id.empty()) co_await record_end(order, order.plan, outcome);
  } catch (const std::exception&) {
    unrecorded = std::current_exception();
  }
  active_.erase(key);
  if (listener_ != nullptr) listener_->on_end(order, outcome);
  if (unrecorded) std::rethrow_exception(unrecorded);
  if (fault) throw *fault;
  co_return outcome;
}

bool Engine::cancel(const std::string& execution_id) {
  const auto found = active_.find(execution_id);
  if (found == active_.end() || found->second == nullptr) return false;
  found->second->cancel();
  const auto waiter =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& w) { return w->key == execution_id; });
  if (waiter != waiting_.end()) {
    (*waiter)->timer.cancel();
    waiting_.erase(waiter);
    waiting_count_ = waiting_.size();
  }
  return true;
}

Task<> Engine::drain(Clock::duration patience) {
  draining_ = true;
  const auto until = Clock::now() + patience;
  while (!active_.empty() && Clock::now() < until) co_await sleep_for(std::chrono::milliseconds(20));
  std::vector<std::string> left;
  for (const auto& [id, run] : active_) left.push_back(id);
  for (const std::string& id : left) cancel(id);
  // Until the last of them is recorded; a kill takes no time, and the disk has its own.
  for (int i = 0; i < 3000 && !active_.empty(); ++i) co_await sleep_for(std::chrono::milliseconds(20));
}

void Engine::record_step(const Order& order, const Plan& plan, std::size_t index, const StepRun& run) {
  if (store_ == nullptr || order.execution_id.empty()) return;
  const Node& node = plan.steps[index].node;
  store::NodeExecution row;
  row.workflow_execution_id = order.execution_id;
  row.node_id = node.id;
  row.node_name = node.name;
  row.node_type = node.type;
  row.status = word(run.status);
  if (run.status != Status::skipped) {
    row.started_at = run.started_at;
    row.completed_at = run.completed_at;
    row.duration_ms = run.duration_ms;
  }
  if (!run.origins.empty()) row.input_data = json::serialize(run.origins);
  if (run.result) {
    row.output_data = run.result->preview;
    row.output_type = run.result->type;
    row.output_exact = run.result->exact;
    row.output_truncated = run.result->truncated;
  }
  row.standard_output = run.standard_output.text;
  row.standard_error = run.standard_error.text;
  row.output_dropped = static_cast<std::int64_t>(run.standard_output.dropped + run.standard_error.dropped);
  if (run.error) {
    row.error_type = run.error->type;
    row.error_message = run.error->message;
    if (!run.error->traceback.empty()) row.error_stack_trace = run.error->traceback;
    if (run.error->line) row.error_line = *run.error->line;
  }
  row.execution_order = static_cast<std::int64_t>(index);
  row.outcome = word(run.cause());
  if (!run.warnings.empty()) row.warnings = json::serialize(json::value_from(run.warnings));
  if (!run.denied.empty()) row.denied = json::serialize(denied_json(run.denied));
  if (run.status == Status::completed || run.status == Status::failed)
    row.resource_usage = json::serialize(usage_json(run.usage));
  store_->post([row = std::move(row)](sqlite::Tx& tx) { store::insert_node(tx, row); });
}

Task<> Engine::record_end(const Order& order, const Plan& plan, Outcome& outcome) {
  // Steps that never began are part of the record too.
  for (std::size_t i = 0; i < outcome.steps.size(); ++i)
    if (outcome.steps[i].started_at == 0) record_step(order, plan, i, outcome.steps[i]);
  store::Execution row;
  row.id = order.execution_id;
  row.workflow_id = order.workflow_id;
  row.workflow_name = order.workflow_name;
  if (!order.created_by.empty()) row.created_by = order.created_by;
  row.status = word(outcome.status);
  row.completed_at = now_us();
  row.duration_ms = outcome.duration_ms;
  row.output_data = outputs_json(plan, outcome);
  row.python_version = plan.python;
  if (outcome.error) {
    row.error_message = outcome.failed_step ? outcome.error->sentence(plan.steps[*outcome.failed_step].node.name)
                                            : outcome.error->message;
    if (!outcome.error->traceback.empty()) row.error_stack_trace = outcome.error->traceback;
    if (outcome.failed_step) row.error_node = plan.steps[*outcome.failed_step].node.name;
  }
  row.outcome = word(outcome.cause());
  json::object usage = usage_json(outcome.usage);
  usage["queue_ms"] = outcome.queue_ms;
  row.resource_usage = json::serialize(usage);
  std::vector<store::File> files;
  if (has_files(outcome)) {
    auto keep = [this, &order, &plan, &outcome] { return keep_files(*store_, order.execution_id, plan, outcome); };
    files = co_await store_->offload(std::move(keep));
    for (store::File& file : files)
      if (!order.created_by.empty()) file.created_by = order.created_by;
  }
  std::vector<store::DataFlow> flows;
  for (const DataFlow& flow : outcome.flows)
    flows.push_back({order.execution_id, plan.steps[flow.from].node.id, plan.steps[flow.to].node.id, "json",
                     static_cast<std::int64_t>(flow.bytes), 0.0, flow.transfer_ms});
  const std::int64_t cpu_us = outcome.usage.user_us + outcome.usage.system_us;
  auto job = [row = std::move(row), files = std::move(files), flows = std::move(flows), cpu_us](sqlite::Tx& tx) {
    store::finish_execution(tx, row);
    for (const store::File& file : files) store::insert_file(tx, file);
    for (const store::DataFlow& flow : flows) store::insert_flow(tx, flow);
    store::add_usage(tx, row, cpu_us);
    if (row.error_message) store::insert_error(tx, row);
  };
  try {
    co_await store_->write(std::move(job));
  } catch (const std::exception& e) {
    log::error("engine", "the end of an execution could not be recorded",
               {{"execution_id", order.execution_id}, {"reason", e.what()}});
    throw;
  }
}

}  // namespace qflow::engine
