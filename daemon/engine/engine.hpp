// Takes executions, runs a bounded number at a time, records them. Owned by the engine thread; submit() and cancel()
// may be called from any thread.
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "daemon/async.hpp"
#include "daemon/engine/listener.hpp"
#include "daemon/engine/run.hpp"
#include "daemon/store/executions.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

/// What to run and how it is recorded.
struct Order {
  Plan plan;
  std::optional<json::value> input;
  std::string execution_id;  ///< empty: not recorded (a node tried out)
  std::optional<std::string> workflow_id;
  std::string workflow_name;
  std::string mode = "manual";
  std::string created_by;                          ///< the user; empty: nobody was signed in
  std::shared_ptr<const typing::Catalog> catalog;  ///< users' types; null: none. Shared with other executions
};

class Engine {
 public:
  /// `store` may be null: then nothing is recorded. `isolation_level` and the names of what the host lacks for more
  /// (`isolation_missing`, a JSON array) go into every record.
  Engine(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store, unsigned max_running,
         int isolation_level, std::string isolation_missing);

  /// Has `listener`, which outlives the engine, told of everything. Before the first execution.
  void set_listener(Listener* listener) { listener_ = listener; }

  /// Writes the record's first row and returns once it is on disk. Any thread.
  Task<> record_start(const Order& order);
  /// Runs it to the end and records it; resumes once the record is on disk. Engine thread. Throws Fault when no worker
  /// can be had; that is recorded too.
  Task<Outcome> run(Order order, StepObserver observer);
  /// Stops one that waits or runs. False when there is none of that id. Engine thread.
  bool cancel(const std::string& execution_id);
  /// Stops taking new ones, cancels what still runs after `patience`, and returns when all is recorded. Engine thread.
  Task<> drain(Clock::duration patience);

  /// Whether it waits, runs or is being recorded. Engine strand.
  bool is_active(const std::string& execution_id) const { return active_.count(execution_id) != 0; }
  std::size_t running() const { return active_.size(); }
  /// Executions that wait for a place. Any thread.
  std::size_t waiting() const { return waiting_count_.load(std::memory_order_relaxed); }
  workers::Pool& pool() { return pool_; }
  int isolation_level() const { return isolation_level_; }

 private:
  /// Who waits for one of the max_running places.
  struct Waiter {
    std::string key;
    bool granted = false;
    asio::steady_timer timer;
  };
  Task<bool> take_place(std::string key);
  void give_place();
  void record_step(const Order& order, const Plan& plan, std::size_t step, const StepRun& run);
  Task<> record_end(const Order& order, const Plan& plan, Outcome& outcome);

  asio::any_io_executor executor_;
  workers::Pool& pool_;
  store::Store* store_;
  Listener* listener_ = nullptr;
  Signatures signatures_;
  unsigned free_places_;
  int isolation_level_;
  std::string isolation_missing_;
  std::deque<std::shared_ptr<Waiter>> waiting_;  // shared with the coroutine that waits
  std::map<std::string, Run*> active_;           // null: it has ended and is being recorded
  std::atomic<std::size_t> waiting_count_{0};
  bool draining_ = false;
  std::string owner_ = store::this_process();
  std::uint64_t unnamed_ = 0;
};

}  // namespace qflow::engine
