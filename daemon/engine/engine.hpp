// Takes executions, runs a bounded number at a time, has them recorded. Engine strand, unless a function says
// otherwise.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/engine/experience.hpp"
#include "daemon/engine/kept_workers.hpp"
#include "daemon/engine/listener.hpp"
#include "daemon/engine/order.hpp"
#include "daemon/engine/concurrency.hpp"
#include "daemon/engine/places.hpp"
#include "daemon/engine/recorder.hpp"
#include "daemon/engine/result_cache.hpp"

namespace qflow::workers {
class Pool;
}

namespace qflow::engine {

class Run;

class Engine {
 public:
  /// `store` may be null: then nothing is recorded. `isolation_level` and the names of what the host lacks for a
  /// higher level (`isolation_missing`, a JSON array) go into every record.
  Engine(const asio::any_io_executor& executor, workers::Pool& pool, store::Store* store, unsigned max_running,
         int isolation_level, std::string isolation_missing);

  /// Lets workers of executions that somebody started by hand stay, for so long, and together within so many bytes of
  /// memory. Before the first execution; without it none stay.
  void keep_workers(Clock::duration how_long, std::uint64_t most_memory);
  /// Those that have stayed. Engine strand.
  KeptWorkers& kept_workers() { return *kept_; }

  /// Reports everything to `listener`, which must outlive the engine. Call it before the first execution.
  void set_listener(Listener* listener) { listener_ = listener; }

  /// Its start() writes the first row of an execution, before run(). Any thread.
  Recorder& recorder() { return recorder_; }
  /// Runs it to the end and records it; resumes once the record is on disk. Throws Fault when no worker
  /// can be had; that is recorded too. One that waits while the engine drains stays `queued` in the record, for the
  /// next process to run, and its outcome here is `pending`.
  Task<Outcome> run(Order order, StepObserver observer);
  /// Waits until values that are to be used again are on disk: a process that ends at once would lose them.
  Task<> settle_cache() { return cache_.settle(); }
  /// Stops an execution that waits or runs. False when none has that id.
  bool cancel(const std::string& execution_id);
  /// Stops taking executions, has those that can wait for the next process, between two of their steps, cancels those
  /// that still run after `patience`, and returns when all are recorded, at most a minute later.
  Task<> drain(Clock::duration patience);

  /// Whether an execution waits, runs or is being recorded.
  bool is_active(const std::string& execution_id) const { return active_.count(execution_id) != 0; }
  /// How many wait, run or are being recorded.
  std::size_t running() const { return active_.size(); }
  /// A ticket for an order of `user`, or null when `most` executions wait already. Any thread.
  std::shared_ptr<Ticket> admit(std::size_t most, const std::string& user) { return places_.admit(most, user); }
  /// Executions that were accepted and have no place yet. Any thread.
  std::size_t waiting() const { return places_.waiting(); }
  /// How many of a class wait for a place. Any thread.
  std::size_t waiting(Priority priority) const { return places_.waiting(priority); }
  /// Whether an execution that was just admitted will probably wait. Any thread.
  bool full() const { return places_.full(); }
  workers::Pool& pool() { return pool_; }
  int isolation_level() const { return isolation_level_; }

 private:
  /// What became of the wait for a place: it has one and its record says that it runs; it was cancelled; the engine
  /// drains, and the next process runs it; it was ended in the store; enough of its workflow run already.
  enum class Turn { begun, cancelled, left, ended, skipped };
  Task<bool> suspend(Order& order, Outcome& outcome);
  Task<Turn> take_turn(Order& order, const std::string& key, const Run& run, Place& place, Membership& member);
  bool make_way(const Order& order);
  Task<Turn> begin(Order& order, const Run& run);
  void begin_listening(const Order& order, Run& run);
  workers::Pool& pool_;
  Recorder recorder_;
  Listener* listener_ = nullptr;
  Experience experience_;
  ResultCache cache_;
  std::shared_ptr<KeptWorkers> kept_;  // shared with handlers that put a worker back
  Places places_;
  Concurrency concurrency_;
  int isolation_level_;
  std::map<std::string, Run*> active_;  // null: it has ended and is being recorded
  std::set<std::string> superseded_;    ///< ended for a newer execution of their workflow
  std::set<std::string> abandoned_;     ///< killed while the engine drains, to be taken up by the next process
  bool draining_ = false;
  std::uint64_t unnamed_ = 0;
};

}  // namespace qflow::engine
