// The part of Walk that goes round loops: which rounds are asked for, what comes back, what a failed round means.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostAhead = 64;              // requests of later rounds that a worker has before it
constexpr std::size_t kMostBytesAhead = 4U << 20U;  // and what they weigh before they are sent

std::int64_t parallel_of(const flow::Step& loop) {
  const json::value* parallel = loop.node.control_parameters.if_contains("parallel");
  return parallel != nullptr && parallel->is_number() ? parallel->to_number<std::int64_t>() : 1;
}

}  // namespace

// Whether later rounds may be asked for before earlier ones are answered: the loop has said how many there will be, all
// of it is on one worker, and a round that fails ends it.
bool Walk::rounds_may_overlap(std::size_t loop) const {
  if (collects(loop) || is_collected(loop) || error_ || overlapping_) return false;
  for (std::size_t i = loop; i < run_.plan.steps[loop].body_end; ++i)
    if (run_.plan.steps[i].group != run_.plan.steps[loop].group || (i > loop && run_.plan.steps[i].body_end > 0) ||
        run_.plan.steps[i].is_guarded())
      return false;
  return true;
}

void Walk::begin_round(std::size_t loop) {
  for (std::size_t i = loop + 1; i < run_.plan.steps[loop].body_end; ++i) {
    if (unanswered_[i] == 0) taken_[i].clear();
    state_[i] = State::pending;
    passed_[i] = false;
    if (run_.order.gives(i)) forget_given(i);  // what a node has done to it must not be seen in this round
  }
}

// It has another value than the one that other sandboxes were given.
void Walk::forget_given(std::size_t step) {
  given_.erase(given_.lower_bound({step, 0}), given_.lower_bound({step + 1, 0}));
  content_of_.erase(step);
}

// Asks the loop for its first item, and for the next one with the result of each round, until it says that it is over.
Task<bool> Walk::run_loop(std::size_t i) {
  const flow::Step& loop = run_.plan.steps[i];
  if (!ask(i)) co_return false;
  if (state_[i] != State::asked) co_return true;  // its source was not taken
  const bool first = co_await answered(i);
  if (!first) co_return false;
  if (state_[i] == State::again && parallel_of(loop) > 1) {
    bool done = false;
    const bool on = co_await run_rounds_in_branches(i, done);
    if (!on || done) co_return on;
  }
  path_.push_back(0);
  const bool on = co_await go_round(i);
  path_.pop_back();
  co_return on;
}

Task<bool> Walk::go_round(std::size_t i) {
  const flow::Step& loop = run_.plan.steps[i];
  const bool overlap = state_[i] == State::again && rounds_left_ > 0 && rounds_may_overlap(i);
  std::uint64_t certain = overlap ? rounds_left_ : 0;
  overlapping_ = overlapping_ || overlap;
  while (state_[i] == State::again) {
    std::optional<Closing> closing;
    const Round round = co_await run_round(i, closing);
    if (round == Round::gone) co_return false;
    if (round == Round::failed) break;
    if (!ask_again(i, *closing)) co_return false;
    ++path_.back();
    Lane& lane = *lanes_[loop.group];
    if (certain > 0) {
      --certain;
      state_[i] = State::again;
      if (lane.expected() < kMostAhead && lane.queued_bytes() < kMostBytesAhead) continue;
      const bool on = co_await serve(lane, kMostAhead / 2);
      if (!on) co_return false;
    } else {
      const bool on = co_await answered(i);
      if (!on) co_return false;
    }
    if (is_round_broken()) break;
  }
  if (state_[i] != State::live) {
    const bool on = co_await abandon_round(i);
    if (!on) co_return false;
    if (steps_[i].status == Status::running) fail_loop(i);
  }
  if (overlap) overlapping_ = false;
  co_return true;
}

// The body, once, and what comes back.
Task<Walk::Round> Walk::run_round(std::size_t i, std::optional<Closing>& closing) {
  begin_round(i);
  const bool ran = co_await run(run_.units(i));
  if (!ran) co_return Round::gone;
  const bool back = co_await turn_to(run_.plan.steps[i].group);
  if (!back) co_return Round::gone;
  closing = co_await closing_of(i);
  if (!closing) co_return Round::gone;
  if (closing->failed && !is_round_broken()) {  // the others of this round end by themselves
    const bool on = co_await serve(*lanes_[run_.plan.steps[i].group], 0);
    if (!on) co_return Round::gone;
    state_[i] = State::lost;
  }
  co_return closing->failed || is_round_broken() ? Round::failed : Round::on;
}

// Nothing: a worker is lost.
Task<std::optional<Walk::Closing>> Walk::closing_of(std::size_t i) {
  Closing out;
  if (collects(i)) {  // the whole round is looked at, whatever leads back
    const bool on = co_await serve(*lanes_[run_.plan.steps[i].group], 0);
    if (!on) co_return std::nullopt;
  }
  const bool broken = collects(i) && failed_in(i).has_value();
  out.failed = broken;
  for (const flow::Source& source : run_.plan.steps[i].sources) {
    if (!source.closes || broken) continue;
    if (*source.step == i) {  // its item, as it is
      out.source = &source;
      break;
    }
    if (edge(source, i) == Edge::open) {
      const bool came = co_await answered(*source.step);
      if (!came) co_return std::nullopt;
    }
    const Edge now = edge(source, i);
    if (now == Edge::live) {
      out.source = &source;
      break;
    }
    if (now == Edge::lost) out.failed = true;
  }
  if (out.source != nullptr) {
    out.failed = false;
  } else if (out.failed && collects(i)) {
    out.failed = false;
    if (const auto failed = failed_in(i)) {
      const NodeError& error = *steps_[*failed].error;
      out.error = json::object{{"type", error.type},
                               {"message", error.message},
                               {"line", nullptr},
                               {"node", run_.plan.steps[*failed].node.name}};
      if (error.line) out.error->get_object()["line"] = *error.line;
    }
    if (!out.error) out.error = json::object{{"type", "Skipped"}, {"message", "an earlier node has failed"}};
  }
  co_return out;
}

// A round has failed. What was asked of later rounds is answered `skipped`, and is nobody's.
Task<bool> Walk::abandon_round(std::size_t i) {
  const flow::Step& loop = run_.plan.steps[i];
  Lane& lane = *lanes_[loop.group];
  lane.send();
  while (lane.expected() > 0 && !lane.is_lost()) {
    lane.begin_next();
    const std::optional<LaneAnswer> answer = co_await lane.receive();
    if (!answer) break;
    if (answer->note()) {
      disown_note(*answer);
      continue;
    }
    lane.take_output(answer->to, false);
    lane.take_output(answer->to, true);
  }
  if (lane.is_lost()) lost_ = &lane;
  if (lost_ != nullptr || run_.cancelled) co_return false;
  rounds_.clear();
  for (std::size_t k = i; k < loop.body_end; ++k) unanswered_[k] = 0;
  state_[i] = State::lost;
  const std::optional<std::size_t> failed = failed_in(i);
  if (!failed) co_return true;  // the loop itself has
  std::vector<std::uint64_t> round = steps_[*failed].index;
  std::swap(path_, round);
  for (std::size_t k = i + 1; k < loop.body_end; ++k) {
    const StepRun& run = steps_[k];
    const bool here = run.index.size() >= path_.size() && std::equal(path_.begin(), path_.end(), run.index.begin());
    const bool ended = here && run.status != Status::pending && run.status != Status::running;
    if (!ended) skip_step(k, State::lost, "another node of this round has failed");
    state_[k] = State::lost;
  }
  std::swap(path_, round);
  co_return true;
}

// The step of its body that has failed in this round.
std::optional<std::size_t> Walk::failed_in(std::size_t loop) const {
  for (std::size_t k = loop + 1; k < run_.plan.steps[loop].body_end; ++k)
    if (state_[k] == State::lost && steps_[k].error) return k;
  return std::nullopt;
}

// What failed in the round that failed.
std::string Walk::failure_of(std::size_t i) const {
  if (const auto failed = failed_in(i))
    if (const StepRun& run = steps_[*failed]; !run.index.empty())
      return fmt::format("round {}: node \"{}\" failed: {}", run.index.back(), run_.plan.steps[*failed].node.name,
                         run.error->type);
  return "a round failed";
}

void Walk::fail_loop(std::size_t i) {
  steps_[i].result.reset();  // of a round
  fail_step(i, {"LoopFailed", failure_of(i), "", std::nullopt, Cause::raised});
}

// Whether the loop goes on when a round fails, with the error in the place of its result.
bool Walk::collects(std::size_t loop) const {
  const json::value* how = run_.plan.steps[loop].node.control_parameters.if_contains("on_error");
  return how != nullptr && how->is_string() && how->get_string() == "collect";
}

bool Walk::is_collected(std::size_t step) const {
  for (std::optional<std::size_t> loop = run_.plan.steps[step].loop; loop; loop = run_.plan.steps[*loop].loop)
    if (collects(*loop)) return true;
  return false;
}

// As its parameters say, or by default; the worker has refused more.
std::uint64_t Walk::most_rounds(std::size_t loop) const {
  const flow::Node& node = run_.plan.steps[loop].node;
  const bool each = node.control == flow::Control::for_each;
  const json::value* given = node.control_parameters.if_contains(each ? "max_items" : "max_iterations");
  return given != nullptr && given->is_number() ? given->to_number<std::uint64_t>() : each ? 1'000'000 : 1000;
}

}  // namespace qflow::engine
