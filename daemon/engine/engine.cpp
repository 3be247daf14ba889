#include "daemon/engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"

namespace qflow::engine {
namespace {

constexpr auto kLastPatience = std::chrono::seconds(30);  // for records, while the daemon stops

}  // namespace

Engine::Engine(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store, unsigned max_running,
               int isolation_level, std::string isolation_missing)
    : pool_(pool),
      recorder_(store, isolation_level, std::move(isolation_missing)),
      places_(executor, max_running),
      isolation_level_(isolation_level) {}

Task<Outcome> Engine::run(Order order, StepObserver observer) {
  const std::string key = order.execution_id.empty() ? fmt::format("#{}", ++unnamed_) : order.execution_id;
  StepObserver tell = [this, &order, &observer](std::size_t step, const StepRun& run) {
    if (run.status != Status::running) recorder_.step(order, step, run);
    if (observer) observer(step, run);
    if (listener_ != nullptr) listener_->on_step(order, step, run);
  };
  Run one(pool_, signatures_, order, std::move(tell));
  active_.emplace(key, &one);
  const auto arrived = Clock::now();
  Outcome outcome;
  std::optional<Fault> fault;
  bool placed = false;
  try {
    placed = co_await find_place(order, key);
    const double waited = milliseconds_since(arrived);
    order.ticket.reset();
    if (!placed && !one.cancelled() && order.queued && !order.document.empty()) {
      // The engine drains, and the next process runs it; or it was stopped before it came here.
      outcome.status = draining_ ? Status::pending : Status::cancelled;
      active_.erase(key);
      if (!draining_ && listener_ != nullptr) listener_->on_end(order, outcome);
      co_return outcome;
    }
    if (!placed) one.cancel();
    else if (listener_ != nullptr) begin_listening(order, one);
    outcome = co_await one.execute();
    outcome.queue_ms += waited;
  } catch (const Fault& f) {
    fault = f;
  } catch (const std::exception& e) {
    fault = Fault(FaultKind::internal, "internal", e.what());
  }
  if (placed) places_.give(order.created_by);
  active_[key] = nullptr;  // cannot be cancelled any more, but is not over until it is recorded
  if (fault) {
    outcome.steps.resize(order.plan.steps.size());
    outcome.status = Status::failed;
    outcome.error = NodeError{fault->code, fault->message, "", {}, Cause::not_run};
  }
  std::exception_ptr unrecorded;
  try {
    co_await recorder_.end(order, outcome);
  } catch (const std::exception&) {
    unrecorded = std::current_exception();
  }
  active_.erase(key);
  if (listener_ != nullptr) listener_->on_end(order, outcome);
  if (unrecorded) std::rethrow_exception(unrecorded);
  if (fault) throw *fault;
  co_return outcome;
}

void Engine::begin_listening(const Order& order, Run& run) {
  listener_->on_start(order);
  if (!listener_->wants_output()) return;
  run.watch_output([this, &order](std::size_t step, bool standard_error, std::string_view text) {
    listener_->on_output(order, step, standard_error, text);
  });
}

// False when it was cancelled, or the engine drains, before there was one.
Task<bool> Engine::find_place(Order& order, const std::string& key) {
  if (!draining_ && places_.take_at_once(order.created_by)) {
    if (!order.queued) co_return true;
  } else {
    if (!order.queued) recorder_.queue(order);
    order.queued = true;
    if (draining_) co_return false;
    if (listener_ != nullptr) listener_->on_wait(order, places_.waiting());
    const bool placed = co_await places_.wait(key, order.created_by);
    if (!placed) co_return false;
  }
  bool begun = false;
  std::exception_ptr failure;
  try {
    begun = co_await recorder_.begin(order);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (begun) co_return true;
  places_.give(order.created_by);
  if (failure) std::rethrow_exception(failure);
  co_return false;
}

bool Engine::cancel(const std::string& execution_id) {
  const auto found = active_.find(execution_id);
  if (found == active_.end() || found->second == nullptr) return false;
  found->second->cancel();
  places_.cancel(execution_id);
  return true;
}

Task<> Engine::drain(Clock::duration patience) {
  draining_ = true;
  places_.cancel_all();
  const auto until = Clock::now() + patience;
  while (!active_.empty() && Clock::now() < until) co_await sleep_for(std::chrono::milliseconds(20));
  std::vector<std::string> left;
  for (const auto& [id, run] : active_) left.push_back(id);
  for (const std::string& id : left) cancel(id);
  recorder_.set_patience(kLastPatience);
  // Wait until the last of them is recorded; a kill takes no time, but the disk does.
  for (int i = 0; i < 3000 && !active_.empty(); ++i) co_await sleep_for(std::chrono::milliseconds(20));
}

}  // namespace qflow::engine
