// One execution of a plan: what is ready, in which order it is asked, what became of it. It has one lane for each of
// the plan's sandboxes; what passes on a lane is engine/lane.hpp's. Engine strand.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "daemon/check/signatures.hpp"
#include "daemon/engine/kept_text.hpp"
#include "daemon/engine/lane.hpp"
#include "daemon/engine/live_output.hpp"
#include "daemon/engine/order.hpp"
#include "daemon/flow/binding.hpp"
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
  void watch_output(OutputObserver output) { live_.emplace(std::move(output)); }
  /// Runs to the end; whatever a worker does, ends in bounded time. Throws only what the pool throws (no worker).
  Task<Outcome> execute();
  /// Ends it from outside: its workers, and all that they started, are killed.
  void cancel();
  bool cancelled() const { return cancelled_; }

 private:
  /// Where a step stands, in the present round of the loop around it.
  enum class State {
    pending,
    asked,  ///< its worker has been asked; without a choice in it, it will have a value
    again,  ///< a loop that goes on: its item has a value
    live,   ///< it has a value
    dead,   ///< it was not taken: what takes its value goes on without
    lost,   ///< it failed, or could not run since another failed: what takes its value is skipped
  };
  enum class Edge { open, live, dead, lost };
  /// Whether a step can be asked for now: `wait`: first the answer of `on` must come.
  struct Readiness {
    enum class What { go, wait, skip } what = What::go;
    std::size_t on = 0;
    State as = State::dead;  ///< of a step to skip
  };
  /// What comes to the closing input of a loop.
  struct Closing {
    const flow::Source* source = nullptr;  ///< null: nothing, in this round
    std::optional<json::value> error;      ///< instead: the round failed, and the loop collects that
    bool failed = false;                   ///< the round failed, and the loop with it
  };

  // What it needs before steps can run, and what it hands over after (run.cpp).
  void watch_time();
  void expire();
  Task<Lane*> open_lane(std::size_t group);
  Task<> run_all();
  Task<bool> load_all();
  void add_loads(Lane& lane, std::size_t group);
  json::object facts() const;
  bool inputs_fit();
  bool types_fit();
  bool is_cut_output(std::size_t step) const;
  Task<> fetch_whole(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until);
  Task<> fetch_files();
  Task<bool> fetch_files_of(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until);
  void settle(Clock::time_point start);
  const std::optional<json::value>& input() const { return input_ ? input_ : order_.input; }

  // Which steps are asked for, and when (run_steps.cpp, loops in run_loops.cpp).
  Task<bool> run_steps(std::size_t first, std::size_t last);
  Task<bool> run_loop(std::size_t step);
  Task<bool> run_guarded(std::size_t step);
  Task<bool> pause(double milliseconds);
  bool may_end_differently(std::size_t step, const NodeError& error) const;
  Task<bool> run_stop(std::size_t step);
  Task<bool> turn_to(std::size_t group);
  Task<bool> serve(Lane& lane, std::size_t until);
  Task<bool> answered(std::size_t step);
  Task<std::optional<Closing>> closing_of(std::size_t loop);
  Task<bool> abandon_round(std::size_t loop);
  Edge edge(const flow::Source& source, std::size_t to) const;
  Readiness readiness(std::size_t step) const;
  bool ask(std::size_t step);
  bool ask_again(std::size_t loop, const Closing& closing);
  bool send_call(std::size_t step, const flow::SourceList& sources, const Closing* closing);
  bool give_values(Lane& lane, std::size_t step, const flow::SourceList& sources);
  void adapt(std::size_t step, schema::Argument& argument) const;
  bool rounds_may_overlap(std::size_t loop) const;
  void begin_round(std::size_t loop);
  void forget_given(std::size_t step);
  void note_flow(std::size_t from, std::size_t to, std::size_t bytes, double milliseconds);
  void skip_step(std::size_t step, State as, const std::string& reason);
  void take_pin(std::size_t step, const std::string& value);
  bool is_pinned(std::size_t step) const { return order_.pins.count(step) != 0; }
  void fail_loop(std::size_t loop);
  std::optional<std::size_t> failed_in(std::size_t loop) const;
  void fail_for_good(std::size_t step, NodeError error);
  /// Whether a round has failed of which later ones have been asked for already: their answers are nobody's.
  bool is_round_broken() const { return overlapping_ && outcome_.error.has_value(); }
  void refuse_call(std::size_t step, NodeError error);

  // What comes of it (run_answers.cpp).
  void begin_step(const LaneRequest& request);
  void take_answer(Lane& lane, LaneAnswer answer);
  void take_loaded(std::size_t step, const schema::Loaded& loaded);
  void take_result(Lane& lane, const LaneAnswer& answer, schema::Result result);
  std::uint64_t most_rounds(std::size_t loop) const;
  bool take_round(Lane& lane, const LaneAnswer& answer, const schema::Result& result);
  void take_raised(Lane& lane, const LaneRequest& to, const schema::Raised& raised);
  void take_skipped(Lane& lane, const LaneAnswer& answer);
  bool check_custom_type(std::size_t step);
  std::string elsewhere(std::size_t step, const std::string& message) const;
  Cause cause_of(Lane& lane, std::size_t step, const schema::Raised& raised) const;
  void collect_output(Lane& lane, const LaneRequest& request);
  Task<> explain_loss(Lane& lane);
  void end_step(std::size_t step, Status status);
  void fail_step(std::size_t step, NodeError error);
  bool collects(std::size_t loop) const;
  bool is_collected(std::size_t step) const;
  void count_run(std::size_t step);
  void set_state(std::size_t step, State state);
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
  Lane* current_ = nullptr;                         ///< that was asked last
  Lane* lost_ = nullptr;                            ///< whose worker is lost
  check::Signatures::Known known_;                  ///< of the plan's functions
  std::optional<json::value> input_;                ///< the order's, settled by the functions' types; nothing: as it is
  std::size_t entries_;                             ///< steps without a source
  Outcome outcome_;
  KeptText kept_;
  std::size_t described_bytes_ = 0;  ///< of all `loaded` messages, about
  bool cancelled_ = false;
  bool load_failed_ = false;
  bool refused_ = false;  ///< a call could not be made: what was asked for is not waited for
  bool begun_ = false;    ///< a step has begun
  bool expired_ = false;  ///< it has run longer than the plan allows
  std::optional<asio::steady_timer> limit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for handlers that may run after this is gone

  // Of each step of the plan.
  std::vector<State> state_;
  std::vector<std::size_t> unanswered_;                  ///< calls that were asked for and not answered yet
  std::vector<bool> erred_;                              ///< it has failed, and its value is its error
  std::vector<std::vector<std::int32_t>> taken_;         ///< outputs that carry a value, of a choice that was made
  std::set<std::pair<std::size_t, std::size_t>> given_;  ///< (step, sandbox): values that another sandbox has
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> flow_rows_;  ///< (from, to): which of outcome_.flows
  // Of the step that is tried now.
  unsigned attempt_ = 0;
  std::optional<std::size_t> trying_;  ///< the step whose failure will not be the last word
  bool for_good_ = false;              ///< a failure that nothing mends is being noted
  bool to_retry_ = false;              ///< it has failed, and is to be tried again
  // Of loops.
  std::map<std::uint64_t, StepRun> rounds_;  ///< runs that were asked for and have not begun
  std::uint64_t last_round_ = 0;
  bool overlapping_ = false;                        ///< rounds of a loop are asked for before earlier ones are answered
  std::vector<std::uint64_t> path_;                 ///< the present round of each loop around, the outermost first
  std::map<std::size_t, std::uint64_t> rounds_of_;  ///< a loop: rounds since it was asked for its first item
  std::uint64_t rounds_left_ = 0;                   ///< as the loop that answered last has promised
  std::int64_t next_order_ = 0;
  std::map<std::size_t, std::deque<std::int64_t>>
      latest_;  ///< orders of a step's last runs, -1 for those that are kept
};

}  // namespace qflow::engine
