// What is written of an execution, and when: a row when it starts, one for each step that has ended, and the end with
// its files, flows and sums. Rows of steps are posted (the writer commits in groups); start() and end() return once
// their rows are on disk.
#pragma once
#include "daemon/engine/order.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

class Recorder {
 public:
  /// `store` may be null: then nothing is recorded. `isolation_level` and the names of what the host lacks for more
  /// (`isolation_missing`, a JSON array) go into every record.
  Recorder(store::Store* store, int isolation_level, std::string isolation_missing);

  /// Writes the execution's row. Any thread. Throws what the store throws.
  Task<> start(const Order& order);
  /// Has the row of a step written that has ended. Engine strand; does not block.
  void step(const Order& order, std::size_t index, const StepRun& run);
  /// Writes how the execution ended, and the steps that never began. Engine strand. A failure is logged and thrown.
  Task<> end(const Order& order, const Outcome& outcome);

 private:
  bool records(const Order& order) const { return store_ != nullptr && !order.execution_id.empty(); }
  Task<std::vector<store::File>> keep_files_of(const Order& order, const Outcome& outcome);

  store::Store* store_;
  int isolation_level_;
  std::string isolation_missing_;
  std::string owner_ = store::this_process();
};

}  // namespace qflow::engine
