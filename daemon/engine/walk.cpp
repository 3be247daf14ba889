// The part of Walk that decides which steps are asked for, and when. A straight run of steps goes out at once; only a
// choice that what follows depends on is waited for, and the rounds of a loop.
#include "daemon/engine/walk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/engine/kept_workers.hpp"
#include "daemon/engine/outcome_json.hpp"

namespace qflow::engine {
namespace {

std::string reason_text(const char* why, const std::string& node) { return fmt::format("{} \"{}\"", why, node); }

}  // namespace

Walk::Walk(RunState& run) : run_(run), lanes_(run.lanes.size(), nullptr), steps_(run.outcome.steps) {
  const std::size_t steps = run_.plan.steps.size();
  state_.resize(steps, State::pending);
  passed_.resize(steps, false);
  unanswered_.resize(steps, 0);
  taken_.resize(steps);
  erred_.resize(steps, false);
}

Walk::Walk(const Walk& from, std::size_t group, Lane& branch)
    : run_(from.run_),
      branch_(++run_.branches),
      lanes_(from.lanes_.size(), nullptr),
      current_(&branch),
      own_steps_(from.steps_.size()),
      steps_(own_steps_),
      state_(from.state_),
      passed_(from.passed_),
      unanswered_(from.state_.size(), 0),
      erred_(from.erred_),
      taken_(from.taken_),
      given_(from.given_),
      shown_(from.shown_),
      path_(from.path_),
      rounds_of_(from.rounds_of_) {
  lanes_[group] = &branch;
}

Task<bool> Walk::run(const Units& units) {
  std::optional<std::size_t> looked_at;  // for branches
  for (std::size_t at = 0; at < units.size() && !is_round_broken();) {
    const std::size_t i = units[at];
    if (passed_[i]) {  // in a branch
      ++at;
      continue;
    }
    if (run_.suspend && may_leave_worker()) {
      const bool on = co_await suspend();
      if (!on) co_return false;
    }
    if (run_.plan.checkpoint != flow::Checkpoint::none && run_.keep && may_leave_worker()) {
      const bool on = co_await checkpoint(i);
      if (!on) co_return false;
    }
    const bool turned = co_await turn_to(run_.plan.steps[i].group);
    if (!turned) co_return false;
    const Readiness ready = readiness(i);
    if (ready.what == Readiness::What::wait) {
      const bool came = co_await answered(ready.on);
      if (!came) co_return false;
      continue;
    }
    if (ready.what == Readiness::What::go && run_.plan.steps[i].splits && judged_.count(i) == 0 && looked_at != i) {
      looked_at = i;
      const bool on = co_await run_section(units, at);
      if (!on) co_return false;
      continue;  // answers may have come meanwhile
    }
    passed_[i] = true;
    const bool not_taken = ready.what == Readiness::What::skip && ready.as == State::dead;
    if (const auto pin = run_.order.pins.find(i); pin != run_.order.pins.end() && !not_taken) {
      take_pin(i, pin->second);
    } else if (const auto live = run_.order.live.find(i); live != run_.order.live.end() && !not_taken) {
      take_live(i, live->second);
    } else if (ready.what == Readiness::What::skip) {
      const bool lost = ready.as == State::lost;
      skip_step(i, ready.as,
                reason_text(lost ? "it has no value from" : "not taken by", run_.plan.steps[ready.on].node.name));
    } else {
      const bool on = co_await run_unit(i);
      if (!on) co_return false;
    }
    ++at;
  }
  co_return true;
}

Task<bool> Walk::run_unit(std::size_t i) {
  const flow::Step& step = run_.plan.steps[i];
  bool on = false;
  if (step.node.control == flow::Control::stop) on = co_await run_stop(i);
  else if (step.node.control == flow::Control::wait) on = co_await run_wait(i);
  else if (step.node.control == flow::Control::workflow) on = co_await run_workflow(i);
  else if (step.body_end > 0) on = co_await run_loop(i);
  else if (step.node.cache && run_.cache != nullptr) on = co_await run_cached(i);
  else if (step.is_guarded()) on = co_await run_guarded(i);
  else on = ask(i);
  co_return on;
}

Task<bool> Walk::finish() {
  bool on = lost_ == nullptr;
  if (current_ != nullptr && on) on = co_await serve(*current_, 0);
  co_return on;
}

// One worker works at a time: what another was asked for is answered first.
Task<bool> Walk::turn_to(std::size_t group) {
  Lane* const lane = lanes_[group];
  if (current_ != nullptr && current_ != lane) {
    const bool done = co_await serve(*current_, 0);
    if (!done) co_return false;
  }
  current_ = lane;
  co_return true;
}

Walk::Edge Walk::edge(const flow::Source& source, std::size_t to) const {
  if (!source.step) return Edge::live;
  const std::size_t from = *source.step;
  const flow::Step& step = run_.plan.steps[from];
  const bool same_worker = step.group == run_.plan.steps[to].group;
  switch (state_[from]) {
    case State::pending:
    case State::dead:
      return Edge::dead;
    case State::lost:
      return Edge::lost;
    case State::asked:
      return step.decides() || !same_worker ? Edge::open : Edge::live;
    case State::again:
      return source.output != 1 ? Edge::dead : same_worker || unanswered_[from] == 0 ? Edge::live : Edge::open;
    case State::live:
      if (step.node.on_error == flow::OnError::output && source.error != erred_[from]) return Edge::dead;
      if (erred_[from]) return Edge::live;
      if (!flow::is_choice(step.node.control)) return Edge::live;
      return std::find(taken_[from].begin(), taken_[from].end(), source.output) != taken_[from].end() ? Edge::live
                                                                                                      : Edge::dead;
  }
  return Edge::dead;
}

Walk::Readiness Walk::readiness(std::size_t i) const {
  bool any = false, live = false;
  Readiness out;
  for (const flow::Source& source : run_.plan.steps[i].sources) {
    if (source.closes) continue;
    any = true;
    const Edge now = edge(source, i);
    if (now == Edge::open) return {Readiness::What::wait, *source.step, State::pending};
    if (now == Edge::lost) return {Readiness::What::skip, *source.step, State::lost};
    if (now == Edge::live) live = true;
    else out.on = *source.step;
  }
  if (!any || live) return out;
  out.what = Readiness::What::skip;
  out.as = State::dead;
  return out;
}

// Fails the execution, too, whatever loop is around the step.
void Walk::fail_for_good(std::size_t step, NodeError error) {
  for_good_ = true;
  fail_step(step, std::move(error));
  for_good_ = false;
  if (error_) return;
  error_ = steps_[step].error;
  failed_step_ = step;
}

Task<bool> Walk::serve(Lane& lane, std::size_t until) {
  lane.send();
  const bool there = co_await lane.arrive();
  while (there && lane.expected() > until && !lane.is_lost()) {
    if (const LaneRequest* next = lane.begin_next()) begin_step(lane, *next);
    std::optional<LaneAnswer> answer = co_await lane.receive();
    if (!answer) break;
    if (answer->note()) {
      take_note(*answer);
      continue;
    }
    const bool loading = answer->to.load();
    take_answer(lane, std::move(*answer));
    if (loading && error_) {
      lane.forget();  // nothing is to run; answers to calls that were sent along are not waited for
      load_failed_ = true;
      co_return false;
    }
    if (is_round_broken()) break;
  }
  if (lane.is_lost()) lost_ = &lane;
  co_return lost_ == nullptr && !run_.cancelled;
}

// Waits until the step has answered all that it was asked.
Task<bool> Walk::answered(std::size_t step) {
  Lane& lane = *lanes_[run_.plan.steps[step].group];
  while (unanswered_[step] > 0 && !is_round_broken()) {
    const bool on = co_await serve(lane, lane.expected() > 0 ? lane.expected() - 1 : 0);
    if (!on || lane.expected() == 0) co_return on&& unanswered_[step] == 0;
  }
  co_return true;
}

// The step's next run, when it does not begin with a call.
StepRun& Walk::fresh_run(std::size_t i) {
  if (!path_.empty()) {
    steps_[i] = StepRun{};
    steps_[i].index = path_;
  }
  return steps_[i];
}

// Its value is given instead of being made.
void Walk::take_pin(std::size_t i, const std::string& value) {
  StepRun& run = fresh_run(i);
  schema::Result result;
  result.type = json_type(value);
  result.preview = value;
  run.result = std::move(result);
  run.reason = "pinned";
  state_[i] = State::live;
  erred_[i] = false;
  if (given_.insert({i, run_.plan.steps[i].group}).second) current_->give(i, value);
  end_step(i, Status::completed);
}

// Its worker has it already; what JSON gives back is given as it was, whatever others have done to it since.
void Walk::take_live(std::size_t i, const std::string& node) {
  StepRun& run = fresh_run(i);
  const schema::Result& result = run_.order.kept->values.at(node).result;
  run.result = result;
  run.reason = "kept";
  if (result.exact && !result.truncated) current_->give(i, result.preview);
  else if (result.heavy.value_or(false))
    run.warnings.push_back(
        "it is as the nodes that have taken it left it, since it is too large to be copied for each");
  state_[i] = State::live;
  erred_[i] = false;
  given_.insert({i, run_.plan.steps[i].group});
  end_step(i, Status::completed);
}

std::vector<std::size_t> Walk::values_here() const {
  std::vector<std::size_t> out;
  if (lanes_.empty() || lanes_[0] == nullptr || lanes_[0] != run_.lanes[0].get()) return out;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const flow::Step& step = run_.plan.steps[i];
    const bool decides =
        step.body_end > 0 || flow::is_choice(step.node.control) || step.node.on_error != flow::OnError::stop;
    if (step.loop || decides || state_[i] != State::live || erred_[i] || !steps_[i].result) continue;
    if (steps_[i].branch == 0 || home_.count(i) != 0) out.push_back(i);
  }
  return out;
}

void Walk::skip_step(std::size_t i, State as, const std::string& reason) {
  for (std::size_t k = i; k < run_.end_of(i); ++k) {
    fresh_run(k).reason = reason;
    state_[k] = as;
    end_step(k, Status::skipped);
  }
}

void Walk::end_running() {
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (steps_[i].status == Status::running) {
      if (run_.plan.steps[i].body_end > 0) steps_[i].result.reset();  // of a round
      end_step(i, Status::cancelled);
    }
}

}  // namespace qflow::engine
