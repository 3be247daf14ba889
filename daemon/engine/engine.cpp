#include "daemon/engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/engine/run.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::engine {
namespace {

constexpr auto kLastPatience = std::chrono::seconds(30);  // for records, while the daemon stops
NodeError not_run(const char* type, std::string why) {
  return {type, std::move(why), "", std::nullopt, Cause::cancelled};
}

constexpr auto kFirstPause = std::chrono::milliseconds(100);
constexpr auto kLongestPause = std::chrono::seconds(5);

}  // namespace

Engine::Engine(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store, unsigned max_running,
               int isolation_level, std::string isolation_missing)
    : pool_(pool),
      recorder_(store, isolation_level, std::move(isolation_missing)),
      cache_(store),
      kept_(std::make_shared<KeptWorkers>(executor, Clock::duration::zero(), 0)),
      places_(executor, max_running),
      concurrency_(executor),
      isolation_level_(isolation_level) {}

void Engine::keep_workers(Clock::duration how_long, std::uint64_t most_memory) {
  kept_ = std::make_shared<KeptWorkers>(pool_.executor(), how_long, most_memory);
}

Task<Outcome> Engine::run(Order order, StepObserver observer) {
  const std::string key = order.execution_id.empty() ? fmt::format("#{}", ++unnamed_) : order.execution_id;
  StepObserver tell = [this, &order, &observer](std::size_t step, const StepRun& run) {
    if (run.status != Status::running) recorder_.step(order, step, run);
    if (observer) observer(step, run);
    if (listener_ != nullptr) listener_->on_step(order, step, run);
  };
  Run one(pool_, experience_, order, std::move(tell));
  if (order.may_wait)
    one.keep_values([this, &order](KeptValue value) {
      if (listener_ != nullptr) listener_->on_keep(value.bytes.size(), value.milliseconds);
      const std::string node = order.plan.steps[value.step].node.id;
      asio::co_spawn(pool_.executor(),
                     recorder_.keep(order.execution_id, node, std::move(value), order.created_by, order.quota),
                     asio::detached);
    });
  if (!order.fresh && !order.execution_id.empty()) one.use_cache(cache_);
  // Only where nobody waits: what is busy is not run step by step.
  if (order.keeps_worker && kept_->is_on()) one.let_worker_stay([this] { return places_.waiting() == 0; });
  active_.emplace(key, &one);
  const auto arrived = Clock::now();
  Outcome outcome;
  std::optional<Fault> fault;
  Place place;
  Membership member;
  Turn turn = Turn::cancelled;
  try {
    turn = co_await take_turn(order, key, one, place, member);
    const double waited = milliseconds_since(arrived);
    order.ticket.reset();
    order.room.reset();
    if (turn == Turn::left || turn == Turn::ended) {
      outcome.status = turn == Turn::left ? Status::pending : Status::cancelled;
      active_.erase(key);
      if (turn == Turn::ended && listener_ != nullptr) listener_->on_end(order, outcome);
      co_return outcome;
    }
    if (turn == Turn::begun) co_await recorder_.read_kept(order);
    if (turn == Turn::skipped) {
      outcome.steps.resize(order.plan.steps.size());
      outcome.status = Status::cancelled;
      outcome.error = not_run("Skipped", fmt::format("it did not run: {} of its workflow, the most that may "
                                                     "(settings.concurrency), had begun or waited before it",
                                                     order.concurrency.limit));
    }
    if (turn == Turn::cancelled) one.cancel();
    else if (listener_ != nullptr && turn != Turn::skipped) begin_listening(order, one);
    if (turn != Turn::skipped) outcome = co_await one.execute();
    outcome.queue_ms += waited;
    // Its values are the latest, whether or not they can stay.
    if (order.keeps_worker && !order.kept) kept_->forget(order.created_by, order.workflow_id.value_or(""));
    if (std::unique_ptr<KeptWorker> kept = one.take_kept()) kept_->put(std::move(kept));
  } catch (const Fault& f) {
    fault = f;
  } catch (const std::exception& e) {
    fault = Fault(FaultKind::internal, "internal", e.what());
  }
  order.kept.reset();
  place.give_back();
  member.leave();
  if (superseded_.erase(key) > 0 && outcome.status == Status::cancelled)
    outcome.error =
        not_run("Superseded", "a newer execution of its workflow has taken its place (settings.concurrency)");
  active_[key] = nullptr;  // cannot be cancelled any more, but is not over until it is recorded
  if (fault) {
    outcome.steps.resize(order.plan.steps.size());
    outcome.status = Status::failed;
    outcome.error = NodeError{fault->code, fault->message, "", {}, Cause::not_run};
  }
  if (outcome.status == Status::waiting) {
    const bool waits = co_await suspend(order, outcome);
    if (waits) {
      active_.erase(key);
      if (listener_ != nullptr) listener_->on_suspend(order, outcome);
      co_return outcome;
    }
  }
  if (abandoned_.erase(key) > 0) {  // its record says that it runs: the next process takes it up
    active_.erase(key);
    outcome.status = Status::pending;
    co_return outcome;
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

// Records that it waits. False: it is over instead: it was ended meanwhile, or that cannot be written.
Task<bool> Engine::suspend(Order& order, Outcome& outcome) {
  std::string problem = "it was ended while it began to wait";
  try {
    const bool waits = co_await recorder_.wait(order, outcome);
    if (waits) co_return true;
    outcome.status = Status::cancelled;
    co_return false;
  } catch (const std::exception& e) {
    problem = e.what();
  }
  log::error("engine", "it could not be recorded that an execution waits",
             {{"execution_id", order.execution_id}, {"reason", problem}});
  outcome.status = Status::failed;
  outcome.error =
      NodeError{"NotKept", "what it needs after waiting could not be kept: " + problem, "", {}, Cause::not_run};
  co_return false;
}

void Engine::begin_listening(const Order& order, Run& run) {
  listener_->on_start(order);
  run.watch_notes(
      [this, &order](std::size_t step, const schema::Note& note) { listener_->on_note(order, step, note); });
  if (!listener_->wants_output()) return;
  run.watch_output([this, &order](std::size_t step, bool standard_error, std::string_view text) {
    listener_->on_output(order, step, standard_error, text);
  });
}

// Ends those that must end for it. False: it is the one that does not run.
bool Engine::make_way(const Order& order) {
  if (order.concurrency.overlap == flow::Overlap::queue || !concurrency_.full(order.concurrency)) return true;
  if (order.concurrency.overlap == flow::Overlap::skip) return false;
  for (const std::string& id : concurrency_.in_the_way(order.concurrency))
    if (cancel(id)) superseded_.insert(id);
  return true;
}

Task<Engine::Turn> Engine::take_turn(Order& order, const std::string& key, const Run& run, Place& place,
                                     Membership& member) {
  if (order.concurrency.limit > 0) {
    if (!make_way(order)) co_return Turn::skipped;
    member = concurrency_.join(order.concurrency, key);
  }
  bool may = !draining_ && member.may_run();
  if (may && !order.in_parents_place) {
    place = places_.take_at_once(order.created_by);
    may = static_cast<bool>(place);
  }
  if (may && !order.queued) co_return Turn::begun;
  if (!may) {
    if (!order.queued) co_await recorder_.queue(order);
    order.queued = true;
    if (order.resumable && order.input) {
      order.input.reset();  // the record has it
      order.input_is_recorded = true;
    }
    const auto without = [&] { return order.resumable && !run.cancelled() ? Turn::left : Turn::cancelled; };
    if (draining_ || run.cancelled()) co_return without();
    if (listener_ != nullptr) {
      const std::size_t group = member.behind();
      const std::size_t position = group > 0 ? group : places_.position(order.created_by, priority_of(order.mode));
      listener_->on_wait(order, position, places_.waiting());
    }
    may = co_await member.wait();
    if (may && !order.in_parents_place) {
      place = co_await places_.wait(key, order.created_by, priority_of(order.mode));
      may = static_cast<bool>(place);
    }
    if (!may) co_return without();
  }
  const Turn turn = co_await begin(order, run);
  if (turn != Turn::begun) place.give_back();
  co_return turn;
}

// Has a place. Nothing runs before the record says so; a disk that fails is waited for, as at the end.
Task<Engine::Turn> Engine::begin(Order& order, const Run& run) {
  Clock::duration pause = kFirstPause;
  for (;;) {
    std::string problem;
    try {
      const bool begun = co_await recorder_.begin(order);
      co_return begun ? Turn::begun : Turn::ended;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    log::error("engine", "the beginning of an execution could not be recorded",
               {{"execution_id", order.execution_id}, {"reason", problem}});
    if (run.cancelled()) co_return Turn::cancelled;
    if (draining_) co_return order.resumable ? Turn::left : Turn::cancelled;
    co_await sleep_for(pause);
    pause = std::min<Clock::duration>(2 * pause, kLongestPause);
  }
}

bool Engine::cancel(const std::string& execution_id) {
  const auto found = active_.find(execution_id);
  if (found == active_.end() || found->second == nullptr) return false;
  found->second->cancel();
  places_.cancel(execution_id);
  concurrency_.cancel(execution_id);
  return true;
}

Task<> Engine::drain(Clock::duration patience) {
  draining_ = true;
  kept_->close();
  places_.cancel_all();
  concurrency_.cancel_all();
  for (const auto& [id, run] : active_)
    if (run != nullptr) run->suspend();
  const auto until = Clock::now() + patience;
  while (!active_.empty() && Clock::now() < until) co_await sleep_for(std::chrono::milliseconds(20));
  std::vector<std::string> left;
  for (const auto& [id, run] : active_) left.push_back(id);
  for (const std::string& id : left) {
    if (const Run* const run = active_[id]; run != nullptr && run->goes_on()) abandoned_.insert(id);
    cancel(id);
  }
  recorder_.set_patience(kLastPatience);
  co_await cache_.settle();
  // Wait until the last of them is recorded; a kill takes no time, but the disk does.
  for (int i = 0; i < 3000 && !active_.empty(); ++i) co_await sleep_for(std::chrono::milliseconds(20));
}

}  // namespace qflow::engine
