// One execution of a plan: what it needs before steps can run, the walk through them, what is left at the end. Engine
// strand.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "daemon/engine/experience.hpp"
#include "daemon/engine/kept_workers.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {

class Run {
 public:
  /// Runs `order`, which must outlive it. Measures resource use only for recorded orders.
  Run(workers::Pool& pool, Experience& experience, const Order& order, StepObserver observer);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Has what the nodes print delivered while they run. Before execute().
  void watch_output(OutputObserver output) { state_.live.emplace(std::move(output)); }
  /// Has what the nodes tell (`import qflow`) delivered while they run. Before execute().
  void watch_notes(NoteObserver tell) { state_.tell = std::move(tell); }
  /// Where values of earlier executions are looked for, which outlives it. Before execute().
  void use_cache(ResultCache& cache) { state_.cache = &cache; }
  /// Has values that are to outlive their worker delivered. Before execute().
  void keep_values(std::function<void(KeptValue)> keep) { state_.keep = std::move(keep); }
  /// Runs to the end; whatever a worker does, ends in bounded time. Throws only what the pool throws (no worker).
  Task<Outcome> execute();
  /// Lets its worker stay, with the values that it has, if `may` says so when it has ended. Before execute().
  void let_worker_stay(std::function<bool()> may) { may_stay_ = std::move(may); }
  /// After execute(): that worker; null: none stays, or it is a fork of one that stays, which has these values, too.
  std::unique_ptr<KeptWorker> take_kept() { return std::move(made_); }
  /// Ends it from outside: its workers, and all that they started, are killed.
  void cancel();
  bool cancelled() const { return state_.cancelled; }
  /// Whether it is taken up again when its process has ended.
  bool goes_on() const { return state_.order.goes_on && state_.order.resumable; }
  /// Asks it to wait, without a worker, between two steps; what cannot goes on.
  void suspend() { state_.suspend = true; }

 private:
  void watch_time();
  void expire();
  Task<Lane*> open_lane(std::size_t group);
  bool has_values() const { return !state_.order.pins.empty() || !state_.order.live.empty(); }
  Task<std::unique_ptr<Lane>> fork_kept();
  bool may_stay() const;
  void keep_worker();
  std::map<std::string, KeptWorker::Value> values_to_keep();
  Task<> run_all();
  Task<bool> load_all();
  void add_loads(Lane& lane, std::size_t group);
  json::object facts() const;
  const std::string& key();
  bool inputs_fit();
  bool types_fit();
  void learn();
  void settle(Clock::time_point start);

  Experience& experience_;
  RunState state_;
  Walk walk_;
  std::string key_;  ///< of the plan; empty: not made yet
  std::function<bool()> may_stay_;
  std::unique_ptr<KeptWorker> made_;
  std::map<std::string, std::uint32_t> parked_;  ///< values of the kept worker that no step is, by node, and their ids
  std::optional<asio::steady_timer> limit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for handlers that may run after this is gone
};

}  // namespace qflow::engine
