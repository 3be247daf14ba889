// One execution of a plan: what is ready, in which order it is asked, what became of it. It has one lane for each of
// the plan's sandboxes; what passes on a lane is engine/lane.hpp's. Engine strand.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "daemon/check/signatures.hpp"
#include "daemon/engine/kept_text.hpp"
#include "daemon/engine/lane.hpp"
#include "daemon/engine/live_output.hpp"
#include "daemon/engine/order.hpp"
#include "daemon/workers/pool.hpp"

namespace qflow::engine {

/// Called as it happens, on the engine strand: a step's `run` changed its status. Must not block.
using StepObserver = std::function<void(std::size_t step, const StepRun& run)>;

class Run {
 public:
  /// Runs `order`, which must outlive it. Measures resource use only for recorded orders.
  Run(workers::Pool& pool, check::Signatures& signatures, const Order& order, StepObserver observer);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Has what the nodes print delivered while they run. Before execute().
  void watch_output(OutputObserver output) { live_.emplace(plan_, std::move(output)); }
  /// Runs to the end; whatever a worker does, ends in bounded time. Throws only what the pool throws (no worker).
  Task<Outcome> execute();
  /// Ends it from outside: its workers, and all that they started, are killed.
  void cancel();
  bool cancelled() const { return cancelled_; }

 private:
  // What is asked, and when (run.cpp).
  Task<Lane*> open_lane(std::size_t group);
  bool is_cut_output(std::size_t step) const;
  Task<> fetch_whole(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until);
  Task<Lane*> run_all();
  Task<Lane*> run_pipelined();
  Task<Lane*> run_in_sandboxes();
  Task<Lane*> fetch_files();
  Task<bool> fetch_files_of(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until);
  Task<> serve(Lane& lane, std::size_t until);
  void add_loads(Lane& lane, std::size_t group);
  bool add_calls(Lane& lane, std::size_t first, std::size_t last);
  bool add_call(Lane& lane, std::size_t step);
  bool give_values(Lane& lane, std::size_t first, std::size_t last);
  bool can_start(std::size_t step) const;
  bool inputs_fit();
  bool types_fit();
  const std::optional<json::value>& input() const { return input_ ? input_ : order_.input; }
  void refuse_call(std::size_t step, NodeError error);
  void settle(Clock::time_point start);
  // What comes of it (run_answers.cpp).
  void begin_step(const LaneRequest& request);
  void take_answer(Lane& lane, LaneAnswer answer);
  void take_loaded(std::size_t step, const schema::Loaded& loaded);
  void take_result(std::size_t step, schema::Result result);
  void take_raised(Lane& lane, std::size_t step, const schema::Raised& raised);
  void take_skipped(Lane& lane, const LaneAnswer& answer);
  bool check_custom_type(std::size_t step);
  std::string elsewhere(std::size_t step, const std::string& message) const;
  Cause cause_of(Lane& lane, std::size_t step, const schema::Raised& raised) const;
  void collect_output(Lane& lane, const LaneRequest& request);
  Task<> explain_loss(Lane& lane);
  void end_step(std::size_t step, Status status);
  void fail_step(std::size_t step, NodeError error);
  workers::Usage usage() const;
  workers::Usage bounded(const schema::Used& used, std::size_t step) const;
  workers::Usage remaining_usage(const Lane& lane, std::size_t step) const;

  workers::Pool& pool_;
  check::Signatures& signatures_;
  const Order& order_;
  const flow::Plan& plan_;
  StepObserver observer_;
  std::optional<LiveOutput> live_;
  std::shared_ptr<const typing::Catalog> catalog_;  // shared with the other executions
  std::vector<std::unique_ptr<Lane>> lanes_;        ///< by sandbox of the plan; null: not opened yet
  check::Signatures::Known known_;                  ///< of the plan's functions
  std::optional<json::value> input_;                ///< the order's, settled by the functions' types; nothing: as it is
  std::size_t entries_;                             ///< steps without a source
  Outcome outcome_;
  KeptText kept_;
  std::size_t described_bytes_ = 0;  ///< of all `loaded` messages, about
  bool cancelled_ = false;
};

}  // namespace qflow::engine
