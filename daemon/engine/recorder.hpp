// What is written of an execution, and when: a row when it starts, one for each step that has ended, and the end with
// its files, flows and sums. Rows of steps are posted (the writer commits in groups); start() and end() return once
// their rows are on disk.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "daemon/engine/order.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/waiting_rows.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

class Recorder {
 public:
  /// `store` may be null: then nothing is recorded. `isolation_level` and the names of what the host lacks for more
  /// (`isolation_missing`, a JSON array) go into every record.
  Recorder(store::Store* store, int isolation_level, std::string isolation_missing);

  /// Writes the execution's row, `queued` or `running` as the order says, with what it runs. Any thread. Throws what
  /// the store throws; Fault(no_space, "quota") when its user keeps too much already. Afterwards the order no
  /// longer holds its document, which the record has.
  Task<> start(Order& order);
  /// Writes that the execution must wait after all. Engine strand. A failure is logged: the record then says `running`
  /// for an execution that waits.
  Task<> queue(const Order& order);
  /// Writes that a queued execution begins: only then may anything of it run, because what is queued starts again after
  /// a crash. Reads its input back when the order does not hold it. False when it was ended meanwhile, or its user has
  /// no access any more, which is recorded. Engine strand. Throws what the store throws.
  Task<bool> begin(Order& order);
  /// Writes the row of a step that has ended, in the background. Engine strand; does not block.
  void step(const Order& order, std::size_t index, const StepRun& run);
  /// Writes how the execution ended, with every step that is not recorded yet, in one transaction. Engine strand. A
  /// failure is logged and tried again, with pauses up to 5 s; after `patience` it is thrown. An execution that was
  /// deleted has no end.
  Task<> end(const Order& order, const Outcome& outcome);
  /// Writes that the execution waits, with the values that it keeps, in one transaction. Engine strand. Throws what the
  /// store throws. False: it was ended meanwhile.
  Task<bool> wait(const Order& order, const Outcome& outcome);
  /// Keeps a value of a running execution, in the background. Engine strand. A failure is logged.
  /// So is a value for which the user who created the execution has no room left in `quota` bytes.
  Task<> keep(std::string execution_id, std::string node_id, KeptValue value, std::string created_by,
              std::uint64_t quota);
  /// Reads the values that an execution that goes on has kept. Engine strand. Throws Fault(conflict) when one is lost.
  Task<> read_kept(Order& order);
  /// How long end() goes on trying: without an end in a server, shortly in a command that somebody waits for, or when
  /// the server stops. Any thread.
  void set_patience(Clock::duration patience) { patience_ = patience; }

 private:
  struct End {
    store::Execution row;
    std::vector<store::DataFlowRow> flows;
    std::vector<store::File> files;
    std::vector<store::NodeExecution> steps;  ///< only when some are missing
    std::int64_t cpu_us = 0;
    std::int64_t step_count = 0;  ///< how many rows of steps there must be
    std::vector<std::pair<std::string, std::int64_t>>
        long_loops;  ///< nodes that ran too often to keep all rows, and how often
    std::string state_key;
    json::object state_changes;
  };
  Task<bool> write_end(std::shared_ptr<const End> end);  // shared with the writer
  Task<store::KeptRow> put_kept(const std::string& execution_id, const std::string& node_id, const KeptValue& value);
  bool records(const Order& order) const { return store_ != nullptr && !order.execution_id.empty(); }
  Task<std::vector<store::File>> keep_files_of(const Order& order, const Outcome& outcome);

  /// Rows of steps that could not be written, by execution; filled on the writer's thread.
  struct Lost {
    std::mutex mutex;
    std::map<std::string, std::vector<store::NodeExecution>> rows;
  };
  std::vector<store::NodeExecution> take_lost(const std::string& execution_id);

  store::Store* store_;
  std::shared_ptr<Lost> lost_ = std::make_shared<Lost>();  // shared with jobs that are queued
  int isolation_level_;
  std::string isolation_missing_;
  std::string owner_ = store::this_process();
  std::atomic<Clock::duration> patience_{Clock::duration::max()};
};

}  // namespace qflow::engine
