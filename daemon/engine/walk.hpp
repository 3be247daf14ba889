// A walk through steps of a plan: what is ready, in which order it is asked, what an answer means. An execution's own
// walk takes the whole plan, on one lane for each of its sandboxes; walks in branches take a part of it, on the lane of
// the branch, and hand what came of it back to the walk that they left. What passes on a lane is engine/lane.hpp's.
// Engine strand.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/run_state.hpp"
#include "daemon/flow/binding.hpp"

namespace qflow::engine {

/// Step numbers, in the plan's order.
using Units = std::vector<std::size_t>;

class Walk {
 public:
  /// The execution's own.
  explicit Walk(RunState& run);
  /// In `branch`, whose worker is a fork of `from`'s in the sandbox `group`: it sees what `from` has so far.
  Walk(const Walk& from, std::size_t group, Lane& branch);
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  /// Uses the run's lane of a sandbox.
  void take_lane(std::size_t group) { lanes_[group] = run_.lanes[group].get(); }
  /// Asks for steps as their inputs are decided; those that need no decision are sent without waiting. False: no more
  /// is to be asked: a worker is lost, a call is refused, the execution is over.
  Task<bool> run(const Units& units);
  /// Takes the answers to all that was asked. False: as run().
  Task<bool> finish();
  /// Sends what is queued, and takes answers until `until` are still expected. False: the worker is lost, or a module
  /// could not be loaded.
  Task<bool> serve(Lane& lane, std::size_t until);
  /// Takes over what an execution that goes on has already. Before run().
  void resume(const Resumption& before);
  /// Fetches files and cut values that `units` hand over. False: a worker is lost, or they are too large.
  Task<bool> hand_over(const Units& units);
  /// If a worker is lost: says why, at the step that it was at.
  Task<> explain_loss();
  /// A call cannot be made: nothing more runs.
  void refuse_call(std::size_t step, NodeError error);
  /// Steps that still run are cancelled.
  void end_running();

  /// Steps whose values the first worker itself has, under their ids; not those of loops, and of nodes that decide
  /// where their value goes.
  std::vector<std::size_t> values_here() const;

  bool is_lost() const { return lost_ != nullptr; }
  bool is_refused() const { return refused_; }
  bool is_load_failed() const { return load_failed_; }
  /// The first error that no loop collects and no handler takes, and its step.
  const std::optional<NodeError>& error() const { return error_; }
  std::size_t failed_step() const { return failed_step_; }

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
  enum class Round { on, failed, gone };  ///< gone: the execution is over
  /// Units that follow from one that is ready, and from nothing else that is not there yet.
  struct Region {
    Units units;
    std::size_t group = 0;
  };
  struct Section;
  struct Rounds;

  // Which steps are asked for, and when (walk.cpp).
  Task<bool> run_unit(std::size_t step);
  Task<bool> turn_to(std::size_t group);
  Task<bool> answered(std::size_t step);
  Edge edge(const flow::Source& source, std::size_t to) const;
  Readiness readiness(std::size_t step) const;
  void skip_step(std::size_t step, State as, const std::string& reason);
  void take_pin(std::size_t step, const std::string& value);
  void take_live(std::size_t step, const std::string& node);
  void fail_for_good(std::size_t step, NodeError error);
  StepRun& fresh_run(std::size_t step);

  // How a call is made (walk_calls.cpp).
  bool ask(std::size_t step);
  bool ask_again(std::size_t loop, const Closing& closing, std::optional<std::int64_t> at = std::nullopt);
  bool send_call(std::size_t step, const flow::SourceList& sources, const Closing* closing,
                 std::optional<std::int64_t> at);
  bool give_values(Lane& lane, std::size_t step, const flow::SourceList& sources);
  void adapt(std::size_t step, schema::Argument& argument) const;
  bool is_taken_again(std::size_t step, std::size_t from) const;
  void forget_given(std::size_t step);

  // Loops (walk_loops.cpp; in branches, walk_rounds.cpp).
  Task<bool> run_loop(std::size_t loop);
  Task<bool> go_round(std::size_t loop);
  Task<Round> run_round(std::size_t loop, std::optional<Closing>& closing);
  Task<std::optional<Closing>> closing_of(std::size_t loop);
  Task<bool> abandon_round(std::size_t loop);
  bool rounds_may_overlap(std::size_t loop) const;
  void begin_round(std::size_t loop);
  void fail_loop(std::size_t loop);
  std::optional<std::size_t> failed_in(std::size_t loop) const;
  std::string failure_of(std::size_t loop) const;
  bool collects(std::size_t loop) const;
  bool is_collected(std::size_t step) const;
  std::uint64_t most_rounds(std::size_t loop) const;
  /// Whether a round has failed of which later ones have been asked for already: their answers are nobody's.
  bool is_round_broken() const { return overlapping_ && error_.has_value(); }
  Task<bool> run_rounds_in_branches(std::size_t loop, bool& done);
  Task<> run_share(std::size_t loop, Rounds& rounds, Walk& share);
  Task<bool> run_chunk(std::size_t loop, Rounds& rounds, std::optional<Closing>& closing);
  Task<bool> bring_results(std::size_t loop, Rounds& rounds);
  void merge_rounds(std::size_t loop, Rounds& rounds);

  // Steps that may fail, and the end (walk_guarded.cpp).
  Task<bool> run_guarded(std::size_t step);
  Task<bool> make_spare(std::size_t step, std::unique_ptr<Lane>& spare);
  bool survives(std::size_t step, const Lane* spare) const;
  Task<bool> fall_back(std::size_t step, std::unique_ptr<Lane> spare);
  void take_runner(std::size_t group, std::unique_ptr<Lane> lane);
  void return_to_worker(std::size_t group);
  Task<bool> pause(double milliseconds);
  bool may_end_differently(std::size_t step, const NodeError& error) const;
  Task<bool> run_stop(std::size_t step);

  // Waiting, and what is kept meanwhile (walk_waits.cpp).
  Task<bool> run_wait(std::size_t step);
  bool may_leave_worker() const;
  bool is_wanted_later(std::size_t step) const;
  Task<bool> leave_worker(std::optional<std::size_t> step, std::optional<std::int64_t> till);
  Task<std::optional<std::string>> keep_value(std::size_t step, KeptValue& out, std::uint64_t& left);
  Task<bool> suspend();
  bool should_keep(std::size_t step) const;
  Task<bool> checkpoint(std::size_t next);

  // Branches (walk_branches.cpp; what could be one, walk_regions.cpp).
  std::unique_ptr<Lane> fork_lane(std::size_t group);
  bool has_forked(const Lane& branch) const { return fork_errors_.count(branch.number()) == 0; }
  std::string why_no_fork(std::size_t group) const;
  Task<bool> run_section(const Units& units, std::size_t at);
  std::vector<Region> regions_of(const Units& units, std::size_t at) const;
  bool place(std::size_t unit, std::vector<Region>& regions, std::map<std::size_t, std::size_t>& region_of) const;
  bool pays(const std::vector<Region>& regions) const;
  bool shares_heavy(const std::vector<Region>& regions) const;
  bool is_long(const Region& region) const;
  void judge(const std::vector<Region>& regions, bool all);
  void weigh(Section& section, const Region& region);
  Task<> run_own(Section& section, const std::vector<Region>& regions);
  Task<> run_regions(Section& section);
  Task<> run_region(Section& section, Region region);
  Task<std::unique_ptr<Lane>> fork_for(Section& section, const Region& region);
  Task<> bring_home(Section& section, const Region& region, Walk& branch, Lane& lane);
  void refuse_value(std::size_t unit, const std::string& problem);
  bool may_run_again(const Region& region) const;
  void run_again(const Region& region, std::size_t unit, const std::string& problem);
  void drop_branch(std::size_t group, const Lane& branch);
  void merge(const Region& region, Walk& branch);
  bool is_needed(std::size_t step, const Region& region) const;
  Task<std::optional<std::string>> move_value(std::size_t step, Walk& branch, const Lane& forked, bool results);

  // Values that are used again (walk_cache.cpp).
  Task<bool> run_cached(std::size_t i);
  Task<std::optional<std::string>> cache_key(std::size_t i);
  void take_cached(std::size_t i, const CachedValue& value);

  // Other workflows (walk_workflows.cpp).
  Task<bool> run_workflow(std::size_t i);
  Task<WorkflowAnswer> call_workflow(std::size_t i, std::string input);
  void take_workflow(std::size_t i, WorkflowAnswer answer);

  // What comes of it (walk_answers.cpp).
  void begin_step(Lane& lane, const LaneRequest& request);
  void take_answer(Lane& lane, LaneAnswer answer);
  void take_note(const LaneAnswer& answer);
  void disown_note(const LaneAnswer& answer);
  bool take_state(Lane& lane, std::size_t step);
  void take_loaded(std::size_t step, const schema::Loaded& loaded);
  void take_result(Lane& lane, const LaneAnswer& answer, schema::Result result);
  bool take_round(Lane& lane, const LaneAnswer& answer, const schema::Result& result);
  void take_raised(Lane& lane, const LaneRequest& to, const schema::Raised& raised);
  void take_skipped(Lane& lane, const LaneAnswer& answer);
  void keep_error_value(std::size_t step, const schema::Raised& raised);
  bool check_custom_type(std::size_t step);
  bool take_response(std::size_t step);
  std::string elsewhere(std::size_t step, const std::string& message) const;
  Cause cause_of(Lane& lane, std::size_t step, const schema::Raised& raised) const;
  void collect_output(Lane& lane, const LaneRequest& request);
  void end_step(std::size_t step, Status status);
  void fail_step(std::size_t step, NodeError error);
  void set_state(std::size_t step, State state);
  workers::Usage bounded(const schema::Used& used, std::size_t step) const;
  workers::Usage remaining_usage(const Lane& lane, std::size_t step) const;

  // What is handed over (walk_files.cpp).
  bool is_cut_output(std::size_t step) const;
  Task<bool> fetch_files_of(std::size_t step, Lane& lane, Clock::time_point until);
  Task<> fetch_whole(std::size_t step, Lane& lane, Clock::time_point until);

  RunState& run_;
  std::size_t branch_ = 0;                                ///< the number of the branch that it is in; 0: none
  std::vector<Lane*> lanes_;                              ///< by sandbox; null: it does not use that one
  std::map<std::size_t, std::unique_ptr<Lane>> runners_;  ///< branches that have taken the place of a worker
  Lane* current_ = nullptr;                               ///< that was asked last
  Lane* lost_ = nullptr;                                  ///< whose worker is lost
  std::optional<NodeError> error_;
  std::size_t failed_step_ = 0;
  bool load_failed_ = false;
  bool explained_ = false;    ///< why a worker is lost has been said
  std::size_t sections_ = 0;  ///< in which branches are at work
  bool refused_ = false;      ///< a call could not be made: what was asked for is not waited for
  std::size_t last_asked_ = 0;

  // Of each step of the plan.
  std::vector<StepRun> own_steps_;  ///< in a branch
  std::vector<StepRun>& steps_;     ///< its last run
  std::vector<State> state_;
  std::vector<bool> passed_;                             ///< its turn has come in the present round
  std::vector<std::size_t> unanswered_;                  ///< calls that were asked for and not answered yet
  std::vector<bool> erred_;                              ///< it has failed, and its value is its error
  std::vector<std::vector<std::int32_t>> taken_;         ///< outputs that carry a value, of a choice that was made
  std::set<std::pair<std::size_t, std::size_t>> given_;  ///< (step, sandbox): values that another sandbox has
  std::map<std::size_t, std::string> content_of_;        ///< fingerprints of values, for the cache
  std::set<std::size_t> kept_;                           ///< whose values outlive the worker already
  std::set<std::size_t> shown_;                          ///< restored as the record shows them
  std::set<std::size_t> mine_;                           ///< in a branch: the steps that it takes
  // Of the step that is tried now.
  unsigned attempt_ = 0;
  std::optional<std::size_t> trying_;   ///< the step whose failure will not be the last word
  bool worker_is_copy_ = false;         ///< what runs it now is a branch, and the worker stays as it was before
  bool for_good_ = false;               ///< a failure that nothing mends is being noted
  bool to_retry_ = false;               ///< it has failed, and is to be tried again
  const json::value* came_ = nullptr;   ///< what came with the call that ended a waiting, for the next call
  std::optional<std::size_t> noting_;   ///< its failure is being told to another process
  std::optional<std::size_t> calling_;  ///< its value is the input of another workflow
  // Of loops.
  std::map<std::uint64_t, StepRun> rounds_;  ///< runs that were asked for and have not begun
  std::uint64_t last_round_ = 0;
  bool overlapping_ = false;                        ///< rounds of a loop are asked for before earlier ones are answered
  std::vector<std::uint64_t> path_;                 ///< the present round of each loop around, the outermost first
  std::map<std::size_t, std::uint64_t> rounds_of_;  ///< a loop: rounds since it was asked for its first item
  std::uint64_t rounds_left_ = 0;                   ///< as the loop that answered last has promised
  std::optional<std::size_t> share_of_;             ///< in a branch: the loop of which it takes some rounds
  // Of branches.
  std::set<std::size_t> home_;                 ///< steps whose values have come back from one
  std::map<std::size_t, int> fork_errors_;     ///< branches that could not be made, and errno
  std::set<std::size_t> judged_;               ///< steps for which a branch does not pay
  std::map<std::size_t, std::string> to_say_;  ///< a warning for the step, once it has run
  std::optional<schema::Raised> not_moved_;    ///< why a value could not be handed on
  std::uint64_t moved_bytes_ = 0;
};

}  // namespace qflow::engine
