// The part of Run that goes round loops: which rounds are asked for, what comes back, what a failed round means.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/run.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostAhead = 64;              // requests of later rounds that a worker has before it
constexpr std::size_t kMostBytesAhead = 4U << 20U;  // and what they weigh before they are sent

void note_parallel(const flow::Step& loop, StepRun& run) {
  const json::value* parallel = loop.node.control_parameters.if_contains("parallel");
  if (parallel != nullptr && parallel->is_number() && parallel->to_number<std::int64_t>() > 1)
    run.warnings.emplace_back("parallel is not used yet: its rounds run one after the other");
}

}  // namespace

// Whether later rounds may be asked for before earlier ones are answered: the loop has said how many there will be, all
// of it is on one worker, and a round that fails ends it.
bool Run::rounds_may_overlap(std::size_t loop) const {
  if (collects(loop) || is_collected(loop) || outcome_.error || overlapping_) return false;
  for (std::size_t i = loop; i < plan_.steps[loop].body_end; ++i)
    if (plan_.steps[i].group != plan_.steps[loop].group || (i > loop && plan_.steps[i].body_end > 0) ||
        plan_.steps[i].is_guarded())
      return false;
  return true;
}

void Run::begin_round(std::size_t loop) {
  for (std::size_t i = loop + 1; i < plan_.steps[loop].body_end; ++i) {
    if (unanswered_[i] == 0) taken_[i].clear();
    state_[i] = State::pending;
    if (is_pinned(i)) forget_given(i);  // what a node has done to it must not be seen in this round
  }
}

// It has another value than the one that other sandboxes were given.
void Run::forget_given(std::size_t step) {
  given_.erase(given_.lower_bound({step, 0}), given_.lower_bound({step + 1, 0}));
}

// Values of one step to another are one row, however often they pass.
void Run::note_flow(std::size_t from, std::size_t to, std::size_t bytes, double milliseconds) {
  const auto [at, first] = flow_rows_.try_emplace({from, to}, outcome_.flows.size());
  if (first) outcome_.flows.push_back({from, to, 0, 0});
  outcome_.flows[at->second].bytes += bytes;
  outcome_.flows[at->second].transfer_ms += milliseconds;
}

// Asks the loop for its first item, and for the next one with the result of each round, until it says that it is over.
Task<bool> Run::run_loop(std::size_t i) {
  const flow::Step& loop = plan_.steps[i];
  Lane& lane = *lanes_[loop.group];
  if (!ask(i)) co_return false;
  if (state_[i] != State::asked) co_return true;  // its source was not taken
  const bool first = co_await answered(i);
  if (!first) co_return false;
  note_parallel(loop, outcome_.steps[i]);
  const bool overlap = state_[i] == State::again && rounds_left_ > 0 && rounds_may_overlap(i);
  std::uint64_t certain = overlap ? rounds_left_ : 0;
  overlapping_ = overlapping_ || overlap;
  path_.push_back(0);
  while (state_[i] == State::again) {
    begin_round(i);
    const bool ran = co_await run_steps(i + 1, loop.body_end);
    if (!ran) co_return false;
    const bool back = co_await turn_to(loop.group);
    if (!back) co_return false;
    const std::optional<Closing> closing = co_await closing_of(i);
    if (!closing) co_return false;
    if (closing->failed && !is_round_broken()) {  // the others of this round end by themselves
      const bool on = co_await serve(lane, 0);
      if (!on) co_return false;
      state_[i] = State::lost;
    }
    if (closing->failed || is_round_broken()) break;
    if (!ask_again(i, *closing)) co_return false;
    ++path_.back();
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
    if (outcome_.steps[i].status == Status::running) fail_loop(i);
  }
  if (overlap) overlapping_ = false;
  path_.pop_back();
  co_return true;
}

// Nothing: a worker is lost.
Task<std::optional<Run::Closing>> Run::closing_of(std::size_t i) {
  Closing out;
  if (collects(i)) {  // the whole round is looked at, whatever leads back
    const bool on = co_await serve(*lanes_[plan_.steps[i].group], 0);
    if (!on) co_return std::nullopt;
  }
  const bool broken = collects(i) && failed_in(i).has_value();
  out.failed = broken;
  for (const flow::Source& source : plan_.steps[i].sources) {
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
      const NodeError& error = *outcome_.steps[*failed].error;
      out.error = json::object{{"type", error.type},
                               {"message", error.message},
                               {"line", nullptr},
                               {"node", plan_.steps[*failed].node.name}};
      if (error.line) out.error->get_object()["line"] = *error.line;
    }
    if (!out.error) out.error = json::object{{"type", "Skipped"}, {"message", "an earlier node has failed"}};
  }
  co_return out;
}

// A round has failed. What was asked of later rounds is answered `skipped`, and is nobody's.
Task<bool> Run::abandon_round(std::size_t i) {
  const flow::Step& loop = plan_.steps[i];
  Lane& lane = *lanes_[loop.group];
  lane.send();
  while (lane.expected() > 0 && !lane.is_lost()) {
    lane.begin_next();
    const std::optional<LaneAnswer> answer = co_await lane.receive();
    if (!answer) break;
    lane.take_output(answer->to, false);
    lane.take_output(answer->to, true);
  }
  if (lane.is_lost()) lost_ = &lane;
  if (lost_ != nullptr || cancelled_) co_return false;
  rounds_.clear();
  for (std::size_t k = i; k < loop.body_end; ++k) unanswered_[k] = 0;
  state_[i] = State::lost;
  const std::optional<std::size_t> failed = failed_in(i);
  if (!failed) co_return true;  // the loop itself has
  std::vector<std::uint64_t> round = outcome_.steps[*failed].index;
  std::swap(path_, round);
  for (std::size_t k = i + 1; k < loop.body_end; ++k) {
    const StepRun& run = outcome_.steps[k];
    const bool here = run.index.size() >= path_.size() && std::equal(path_.begin(), path_.end(), run.index.begin());
    const bool ended = here && run.status != Status::pending && run.status != Status::running;
    if (!ended) skip_step(k, State::lost, "another node of this round has failed");
    state_[k] = State::lost;
  }
  std::swap(path_, round);
  co_return true;
}

// The step of its body that has failed in this round.
std::optional<std::size_t> Run::failed_in(std::size_t loop) const {
  for (std::size_t k = loop + 1; k < plan_.steps[loop].body_end; ++k)
    if (state_[k] == State::lost && outcome_.steps[k].error) return k;
  return std::nullopt;
}

void Run::fail_loop(std::size_t i) {
  std::string what = "a round failed";
  if (const auto failed = failed_in(i))
    if (const StepRun& run = outcome_.steps[*failed]; !run.index.empty())
      what = fmt::format("round {}: node \"{}\" failed: {}", run.index.back(), plan_.steps[*failed].node.name,
                         run.error->type);
  outcome_.steps[i].result.reset();  // of a round
  fail_step(i, {"LoopFailed", what, "", std::nullopt, Cause::raised});
}

}  // namespace qflow::engine
