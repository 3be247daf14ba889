// What an execution did, as values. Plain data.
#pragma once
#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/async.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/workers/worker.hpp"
#include "schema/messages.hpp"

namespace qflow::engine {

/// Of a step in a loop, the first runs have a row each; beyond that only the first and last `kKeptRuns`, and those that
/// failed.
inline constexpr std::uint64_t kFirstRuns = 1000;
inline constexpr std::int64_t kKeptRuns = 100;

/// How a node or an execution ended. The words are those of the record.
enum class Status { pending, running, waiting, completed, failed, skipped, cancelled };
constexpr const char* word(Status status) {
  switch (status) {
    case Status::pending:
      return "pending";
    case Status::running:
      return "running";
    case Status::waiting:
      return "waiting";
    case Status::completed:
      return "completed";
    case Status::failed:
      return "failed";
    case Status::skipped:
      return "skipped";
    case Status::cancelled:
      return "cancelled";
  }
  return "pending";
}

/// The kind of end. The words are those of the record.
enum class Cause {
  completed,
  raised,     ///< an exception of the node's own
  timed_out,  ///< wall clock or processor time
  memory_limit,
  process_limit,
  output_limit,
  denied,   ///< an exception for an act that the sandbox refused
  crashed,  ///< the process ended: a signal, an exit
  protocol_violation,
  cancelled,
  skipped,
  not_run,  ///< it could not be started: input that does not fit, no worker
};
constexpr const char* word(Cause cause) {
  constexpr const char* kWords[] = {"completed",          "raised",       "timed_out", "memory_limit",
                                    "process_limit",      "output_limit", "denied",    "crashed",
                                    "protocol_violation", "cancelled",    "skipped",   "not_run"};
  return kWords[static_cast<int>(cause)];
}

/// An error and where it happened. `type`: the exception's, or one of ours: TimedOut, MemoryLimit, ProcessLimit,
/// OutputLimit, FileLimit, FileNotHandedOver, FileLost, EndlessIterator, WorkerDied, ProtocolViolation, NotBound,
/// InputTooLarge, InvalidInput, IncompatibleTypes, TypeMismatch, NotTransferable, or the code of the Fault for which it
/// never began.
struct NodeError {
  std::string type, message, traceback;
  std::optional<std::int32_t> line;
  Cause cause = Cause::raised;
  /// "KeyError: 'x' (node 'clean', line 2)"
  std::string sentence(const std::string& node) const;
};

/// What is said of an execution that ran longer than it may.
std::string expired_text(double seconds);

/// A file that a node handed over. `name`: its own; empty: it has none.
struct HandedFile {
  std::string label, suffix, name, bytes;
};

/// What a run of a step told by `import qflow`, but its progress.
struct Told {
  boost::json::array log;                    ///< {at, level, text, fields}
  boost::json::array display;                ///< {data: {MIME type: text, or base64 of bytes}, left_out?}
  std::optional<boost::json::object> state;  ///< what it changed of the workflow's state: {set, removed}
  std::size_t state_bytes = 0;               ///< of that, as it came
  std::string execution;                     ///< of the other workflow that it has run
  bool cut = false;                          ///< more was told than may be kept
  bool state_lost = false;                   ///< and a change of the state was among that
  bool empty() const { return log.empty() && display.empty() && !state && execution.empty(); }
};

/// One run of a step of a plan, as far as it got. Wall-clock times in microseconds.
struct StepRun {
  Status status = Status::pending;
  std::int64_t started_at = 0, completed_at = 0;
  std::optional<Clock::time_point> begun;  ///< when its load or call was last begun; nothing: not yet, or it is loaded
  double duration_ms = 0;                  ///< on the daemon's monotonic clock
  double load_ms = 0;                      ///< before that: its module's import
  std::optional<schema::Result> result;
  std::optional<NodeError> error;
  workers::Captured standard_output, standard_error;
  std::vector<sandbox::Denial> denied;  ///< acts that the sandbox refused, whether or not the step went on
  workers::Usage usage;     ///< as the worker reports it, within what its limits allow; the kernel's when it was lost
  std::int64_t order = -1;  ///< among the runs of the execution, by their start; -1: none yet
  std::vector<std::uint64_t> index;  ///< in loops: which round of each, the outermost first
  std::uint64_t count = 0;           ///< in loops: how often the step ran before
  unsigned attempt = 0;              ///< how often the node had been tried before, for the same inputs
  std::int64_t replaces = -1;        ///< the `order` of an earlier run whose row this one takes the place of; -1: none
  std::string reason;                ///< why it was skipped
  bool restored = false;             ///< it ran before the execution waited: its rows are in the record already
  std::size_t branch = 0;            ///< the number of the branch that it ran in; 0: none
  boost::json::object origins;
  std::vector<std::string> warnings;
  Told told;
  std::vector<HandedFile> files;
  /// Of an output of the workflow whose preview is cut: the whole value as the worker wrote it, as JSON text (which is
  /// not checked). Nothing: it is larger than an execution may hand over, or cannot be written.
  std::optional<std::string> whole;
  Cause cause() const;
};

/// A value that outlives its worker, as that has written it: JSON, or a pickle, which only a worker may read.
struct KeptValue {
  std::size_t step = 0;
  std::string encoding, bytes;
  double milliseconds = 0;  ///< that writing it took
};

/// An execution that waits, without a worker.
struct Waiting {
  std::optional<std::int64_t> till;  ///< microseconds since 1970; nothing: until it is resumed
  std::optional<std::size_t> step;   ///< at which; nothing: between two, since the engine stops
};

/// Called as it happens, on the engine strand: a step's `run` changed its status. Must not block.
using StepObserver = std::function<void(std::size_t step, const StepRun& run)>;

/// Called on the engine strand with what a step tells while it runs. Must not block.
using NoteObserver = std::function<void(std::size_t step, const schema::Note& note)>;

/// A value that passed from one process to another: to another sandbox as JSON, out of a branch as a pickle. Steps of
/// the plan; size in bytes.
struct DataFlow {
  std::size_t from = 0, to = 0;
  const char* encoding = "json";
  std::size_t bytes = 0;
  double transfer_ms = 0;
};

/// The whole execution. `steps`: one for each step of the plan, of a step in a loop its last run.
struct Outcome {
  Status status = Status::running;
  bool bad_input = false;          ///< it failed before any node ran, because of the request
  std::optional<NodeError> error;  ///< the first
  std::optional<std::size_t> failed_step;
  std::vector<StepRun> steps;
  std::vector<DataFlow> flows;
  std::vector<std::uint64_t> runs;  ///< of each step: how often it ran or was skipped
  std::int64_t row_bytes = 0;       ///< of the rows of its steps, about
  std::int64_t rows = 0;            ///< how many of these the record has
  std::size_t branches = 0;         ///< how many were made
  std::string stopped_by;           ///< the node (qflow.stop) that ended it
  double duration_ms = 0;
  double queue_ms = 0;  ///< of that, waiting for a worker
  workers::Usage usage;
  std::optional<Waiting> waiting;     ///< with the status `waiting`
  std::vector<KeptValue> kept;        ///< that it needs when it goes on, and the record has not
  boost::json::object state_changes;  ///< of the workflow's state: {set, removed}; empty: none
  Cause cause() const;
};

}  // namespace qflow::engine
