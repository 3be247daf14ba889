// The conversation with one worker: the requests it has not answered yet, the deadline of the one it works on, frames
// out and in, the files it hands over, and why it was lost. Whatever the worker sends is checked here against its
// request and against bounds. What is asked, in which order, and what an answer means is Walk's. Engine strand.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "daemon/engine/outcome.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/workers/lease.hpp"

namespace qflow::engine {

/// How long handing over the files of an execution may take.
inline constexpr auto kFetchPatience = std::chrono::seconds(10);

/// What Lane::fetch() is asked for, instead of the number of a file.
inline constexpr std::uint32_t kWholeValue = 0xFFFF;  ///< the value as JSON
inline constexpr std::uint32_t kKeptValue = 0xFFFE;   ///< the value so that give() gives it back

/// The ids under which a worker knows the module and the value of a step.
constexpr std::uint32_t load_id(std::size_t step) { return static_cast<std::uint32_t>(2 * step + 1); }
constexpr std::uint32_t call_id(std::size_t step) { return static_cast<std::uint32_t>(2 * step + 2); }

/// Something that a worker was asked: to load the module of a step, to call its function, to fork itself, to hand the
/// step's value to the worker that it was forked from, to take it from a branch.
struct LaneRequest {
  enum class What { call, load, branch, pack, take } what = What::call;
  std::size_t step = 0;             ///< of a branch: its number
  double seconds = 0;               ///< wall clock that it may take
  std::uint32_t preview_bytes = 0;  ///< of a call: how large its preview may be
  std::size_t outputs = 0;          ///< of a call of a node of flow: how many outputs it has; 0: another node
  std::uint64_t round = 0;          ///< of a call in a loop: which of Walk's rounds; 0: it is called once
  bool again = false;               ///< of a call of a loop: not its first
  std::optional<std::int64_t> at;   ///< of a call of a loop in a branch: the item that it goes to, -1 for none
  bool load() const { return what == What::load; }
  bool call() const { return what == What::call; }
  std::uint32_t id() const {
    return what == What::branch ? static_cast<std::uint32_t>(step) : load() ? load_id(step) : call_id(step);
  }
};

/// An answer to the oldest request, or a note of what it tells before its answer, which is checked. A `Loaded` names a
/// function that it lists; a `Result`'s preview is JSON within the bounds that were asked for; everything else in it is
/// as the worker says.
struct LaneAnswer {
  LaneRequest to;
  std::variant<schema::Loaded, schema::Result, schema::Raised, schema::Skipped, schema::Branched, schema::Moved,
               schema::Note>
      what;
  std::size_t bytes = 0;  ///< of its frame, without a payload
  bool note() const { return std::holds_alternative<schema::Note>(what); }
};

/// A file as it was handed over.
struct FetchedFile {
  std::string bytes;
  std::string encoding;                ///< of a value to keep
  std::optional<std::string> problem;  ///< why the worker could not read all of it
  bool too_large = false;              ///< it would have been more than allowed; `bytes` is a part
};

class Lane {
 public:
  /// `settings`: the installation's, read when they are needed; they outlive the lane. `channel`: its number among the
  /// lanes of the execution.
  Lane(workers::Lease worker, const workers::Settings& settings, std::size_t channel);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Queues the request to load a step's module. `execution`: what nodes know of it; with the first; null: known.
  void load(std::size_t step, const flow::Step& node, const boost::json::object* execution);
  /// Queues a module that the worker's nodes can import by its name. There is no answer; before the loads.
  void module(const std::string& name, const std::string& source);
  /// Queues a file for the worker's input directory. There is no answer; before the loads. Throws std::length_error
  /// when it is larger than kMostQueued.
  void file(const std::string& name, std::string_view bytes);
  /// Queues a value of a step that ran elsewhere, or before: JSON text, or what fetch() has kept. There is no answer.
  void give(std::size_t step, std::string_view text, const std::string& encoding = "json");
  /// Queues the request to call a step's function. Throws std::length_error when its arguments are larger than a frame,
  /// or all that is queued larger than kMostQueued.
  void call(std::size_t step, const flow::Step& node, const schema::Call& call, std::uint64_t round = 0);
  /// Queues what others have changed of the workflow's state (SharedState::news). There is no answer.
  void state(const std::string& news);
  /// Sends what was queued, and the request that the worker forks itself. Returns the lane of the branch, whose worker
  /// has every value that this one has when it comes to the request. It may be asked at once; arrive() comes before
  /// serving it. Throws SysError when the daemon is out of descriptors.
  std::unique_ptr<Lane> branch(std::size_t channel);
  /// Of a branch: waits until it is there. False: it is lost. Does nothing more than once.
  Task<bool> arrive();
  /// A branch is over: the worker that it was forked from, or, if that is gone, the one above it, waits for its process
  /// and closes what belongs to it. No answer.
  void drop(const Lane& branch);
  /// Of a branch, before anything else is queued: it begins another execution, with the values of calls `from` as those
  /// of calls `to`. No answer.
  void adopt(const schema::Adopt& adopt);
  /// Asks a branch to hand over the value of a step, or what a loop has collected (`results`), and its worker to take
  /// it: both at the same time, since one waits for the other. `forked`: the lane of the branch when it was made.
  void pack(std::size_t step, double seconds, const Lane& forked, bool results);
  void take(std::size_t step, double seconds, const Lane& branch, bool results);
  /// Sends what was queued.
  void send();
  /// Drops what was queued and no longer expects the answers to what was sent.
  void forget();

  /// How much is queued and not sent.
  std::size_t queued_bytes() const { return queue_.size(); }
  /// How many requests have not been answered.
  std::size_t expected() const { return expected_.size(); }
  /// Starts the clock of the oldest request, which the worker is working on: it answers in order. Returns the request,
  /// or null if its clock already runs.
  const LaneRequest* begin_next();
  /// The answer to the oldest request, or a note of it, after which that is still due; nothing once the worker is
  /// lost.
  Task<std::optional<LaneAnswer>> receive();
  /// Takes an answer back that does not fit what Walk knows: the worker broke the protocol.
  void reject(const LaneAnswer& answer, std::string why);
  /// What a request wrote to standard output or error, as UTF-8.
  workers::Captured take_output(const LaneRequest& request, bool standard_error);
  /// File number `index` of a step's value, or the value itself (kWholeValue, kKeptValue), at most `most` bytes of it.
  /// Nothing once the worker is lost.
  Task<std::optional<FetchedFile>> fetch(std::size_t step, const flow::Step& node, std::uint32_t index,
                                         std::uint64_t most, Clock::time_point until);

  /// Whether it was ended because the execution is, or the worker that it is a branch of.
  bool was_cancelled() const { return worker_->end() == workers::End::cancelled; }
  bool broke_protocol() const { return !violation_.empty() || worker_->end() == workers::End::protocol; }
  /// Whether the worker is gone or must not be trusted any more.
  bool is_lost() const { return worker_->end() != workers::End::none || !violation_.empty(); }
  /// The request that the worker was working on when it was lost: the oldest request, or the call whose files were
  /// fetched, or else the request that it answered last.
  const LaneRequest& lost_at() const;
  /// Why it is lost, by the kernel's word; waits at most 300 ms for that. A worker that broke the protocol is killed.
  Task<NodeError> why_lost();

  /// Calls `told` with output as it arrives: see workers::Worker::watch_output().
  void watch_output(std::function<void(bool standard_error, std::uint32_t after, std::string_view text)> told) {
    worker_->watch_output(std::move(told));
  }
  void kill(workers::End why) { worker_->kill(why); }
  std::size_t channel() const { return channel_; }
  /// Of a branch: its number among those of its worker.
  std::size_t number() const { return worker_->id(); }
  bool is_branch() const { return worker_->is_branch(); }
  /// How many threads the worker has, by the kernel's word.
  std::uint64_t threads() const { return worker_->threads(); }
  /// The worker itself. The lane keeps it.
  workers::Worker& worker() { return *worker_; }
  workers::Usage usage() const { return worker_->usage(); }
  const sandbox::Limits& limits() const { return worker_->limits(); }
  /// Whether forks are refused because it has all the processes it may have. Reads /proc.
  bool at_process_limit() const { return worker_->at_process_limit(workers::ProcessTable()); }

  /// Of all that is queued at a time, so that one of many nodes cannot fill the daemon.
  static constexpr std::size_t kMostQueued = 64U << 20U;

 private:
  LaneRequest& expect(LaneRequest::What what, std::size_t step, double seconds);
  std::optional<LaneAnswer> read_note(const schema::Frame& frame);
  std::optional<LaneAnswer> read_answer(const schema::Frame& frame);
  template <class Message>
  std::optional<LaneAnswer> read_plain(const schema::Frame& frame, std::string& problem);
  std::optional<schema::Loaded> read_loaded(const schema::Frame& frame);
  std::optional<schema::Result> read_result(const schema::Frame& frame, const LaneRequest& due);
  static std::string preview_problem(const std::string& preview, const LaneRequest& due);
  static std::string live_problem(const schema::Result& result, const LaneRequest& due);
  bool read_piece(const schema::Frame& frame, std::uint32_t id, std::uint64_t most, FetchedFile& file, bool& last);
  NodeError error_of(workers::End end, const std::optional<schema::Exited>& exited) const;
  NodeError error_of_exit(const std::optional<schema::Exited>& exited) const;
  NodeError time_error() const;
  NodeError processor_error() const;
  void violate(std::string what);

  workers::Lease worker_;
  const workers::Settings& settings_;
  std::size_t channel_;
  bool arrived_;
  std::string queue_;
  std::deque<LaneRequest> expected_;     ///< oldest first
  bool running_ = false;                 ///< the clock of the oldest request runs
  Clock::time_point begun_;              ///< since then
  std::size_t notes_ = 0;                ///< that it has sent
  LaneRequest last_;                     ///< answered last
  std::optional<LaneRequest> fetching_;  ///< the call whose files are being fetched
  std::string violation_;
};

}  // namespace qflow::engine
