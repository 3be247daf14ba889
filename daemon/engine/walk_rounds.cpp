// The part of Walk that shares the rounds of a loop among branches: each takes the next few when it has done its own,
// and keeps their results until all rounds are over.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>

#include "daemon/engine/walk.hpp"

namespace qflow::engine {
namespace {

constexpr double kChunk = 5;                // milliseconds that a branch takes on at a time
constexpr std::uint64_t kMostInChunk = 64;  // rounds
constexpr std::size_t kMostShares = 32;     // branches of one loop

}  // namespace

struct Walk::Rounds {
  explicit Rounds(const asio::any_io_executor& executor) : changed(executor) {}
  std::uint64_t next = 0, count = 0;
  double milliseconds = 0;                                              ///< of a round, smoothed; 0: not known yet
  std::uint64_t failed_at = std::numeric_limits<std::uint64_t>::max();  ///< the first round that has failed
  std::string failure;
  const Walk* failed = nullptr;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<std::unique_ptr<Walk>> shares;
  std::size_t at_work = 0;
  bool broken = false;  ///< the execution is over
  Event changed;
  std::exception_ptr thrown;

  bool has_more() const { return !broken && next < std::min(count, failed_at); }
  /// The next rounds for one branch: [first, second).
  std::pair<std::uint64_t, std::uint64_t> take() {
    const std::uint64_t fair = std::max<std::uint64_t>(1, (count - next) / (2 * shares.size()));
    const auto quick = milliseconds > 0 ? static_cast<std::uint64_t>(std::min(kChunk / milliseconds, 1e6)) : 1;
    const std::uint64_t first = next;
    next = std::min(count, next + std::clamp<std::uint64_t>(quick, 1, std::min(fair, kMostInChunk)));
    return {first, next};
  }
  void note(double took) { milliseconds = milliseconds > 0 ? (milliseconds + took) / 2 : took; }
  void fail(std::uint64_t round, std::string what, const Walk* where) {
    if (round >= failed_at) return;
    failed_at = round;
    failure = std::move(what);
    failed = where;
  }
};

// `done`: the loop is over. Otherwise there are no branches, and its rounds run one after the other. False: the
// execution is over.
Task<bool> Walk::run_rounds_in_branches(std::size_t i, bool& done) {
  const flow::Step& loop = run_.plan.steps[i];
  const auto wanted =
      static_cast<std::uint64_t>(loop.node.control_parameters.if_contains("parallel")->to_number<std::int64_t>());
  std::string problem = why_no_fork(loop.group);
  for (std::size_t k = i; k < loop.body_end; ++k)
    if (run_.plan.steps[k].group != loop.group) problem = "its body runs in several sandboxes";
  for (std::size_t k = i; k < loop.body_end; ++k)
    if (run_.plan.steps[k].node.control == flow::Control::stop) problem = "its body may end the execution";
  if (run_.plan.parallel == flow::Parallel::off) problem = "settings.parallel is off";
  Rounds rounds(run_.pool.executor());
  rounds.count = rounds_left_ + 1;
  const std::uint64_t most = std::min<std::uint64_t>({wanted, rounds.count, kMostShares});
  if (rounds.count < 2) co_return true;
  while (problem.empty() && rounds.shares.size() < most) {
    std::unique_ptr<Lane> lane = fork_lane(loop.group);
    const bool on = co_await serve(*lanes_[loop.group], 0);
    if (!on) co_return false;
    if (!lane || !has_forked(*lane)) break;
    auto share = std::make_unique<Walk>(*this, loop.group, *lane);
    for (std::size_t k = i; k < loop.body_end; ++k) {
      share->mine_.insert(k);
      share->steps_[k] = steps_[k];
    }
    share->steps_[i].status = Status::pending;
    share->share_of_ = i;
    rounds.shares.push_back(std::move(share));
    rounds.lanes.push_back(std::move(lane));
  }
  if (problem.empty() && rounds.shares.empty()) problem = "its worker could not be forked";
  if (!problem.empty()) {
    to_say_[i] = fmt::format("parallel {} is not used, since {}: its rounds run one after the other", wanted, problem);
    co_return true;
  }
  done = true;
  rounds.at_work = rounds.shares.size();
  for (const auto& share : rounds.shares)
    asio::co_spawn(run_.pool.executor(), run_share(i, rounds, *share), [&rounds](std::exception_ptr thrown) {
      if (thrown) rounds.thrown = thrown;
      --rounds.at_work;
      rounds.changed.signal();
    });
  while (rounds.at_work > 0) co_await rounds.changed.wait();
  if (rounds.thrown) std::rethrow_exception(rounds.thrown);
  merge_rounds(i, rounds);
  bool on = !rounds.broken && !run_.cancelled;
  if (on && rounds.failed == nullptr) on = co_await bring_results(i, rounds);
  for (const auto& lane : rounds.lanes) drop_branch(loop.group, *lane);
  for (const auto& share : rounds.shares)
    for (const auto& [group, runner] : share->runners_) drop_branch(group, *runner);
  co_return on;
}

// One branch: rounds, as long as there are any.
Task<> Walk::run_share(std::size_t i, Rounds& rounds, Walk& share) {
  share.path_.push_back(0);
  std::optional<Closing> closing;
  bool on = true;
  while (on && rounds.has_more() && rounds.failed != &share) on = co_await share.run_chunk(i, rounds, closing);
  if (on && rounds.failed == nullptr) {
    const Closing last = closing ? *closing : Closing();
    on = share.ask_again(i, last, -1);
    if (on) on = co_await share.finish();
  }
  if (on) co_return;
  if (!rounds.broken) co_await share.explain_loss();
  share.end_running();
  if (rounds.broken || (share.lost_ == nullptr && !share.refused_)) co_return;
  rounds.broken = true;
  if (!error_) {
    error_ = share.error_;
    failed_step_ = share.failed_step_;
  }
  run_.kill(workers::End::cancelled);
}

// False: the execution is over.
Task<bool> Walk::run_chunk(std::size_t i, Rounds& rounds, std::optional<Closing>& closing) {
  const auto [first, last] = rounds.take();
  const auto start = Clock::now();
  const bool overlap = rounds_may_overlap(i);
  overlapping_ = overlapping_ || overlap;
  bool failed = false;
  for (std::uint64_t round = first; round < last && round < rounds.failed_at && !failed; ++round) {
    path_.back() = round;
    const Closing before = closing ? *closing : Closing();
    if (!ask_again(i, before, static_cast<std::int64_t>(round))) co_return false;
    if (overlap) {
      state_[i] = State::again;
    } else {
      const bool on = co_await answered(i);
      if (!on) co_return false;
    }
    const Round how = co_await run_round(i, closing);
    if (how == Round::gone) co_return false;
    failed = how == Round::failed;
  }
  if (!failed) {
    const bool on = co_await finish();
    if (!on) co_return false;
    failed = is_round_broken();
  }
  if (failed) {
    const bool on = co_await abandon_round(i);
    if (!on) co_return false;
    const std::optional<std::size_t> step = failed_in(i);
    const bool known = step && steps_[*step].index.size() >= path_.size();
    rounds.fail(known ? steps_[*step].index[path_.size() - 1] : path_.back(), failure_of(i), this);
  }
  if (overlap) overlapping_ = false;
  rounds.note(milliseconds_since(start) / static_cast<double>(std::max<std::uint64_t>(1, last - first)));
  co_return true;
}

// What the last rounds of each step were is what this walk knows of the body.
void Walk::merge_rounds(std::size_t i, Rounds& rounds) {
  for (std::size_t k = i + 1; k < run_.plan.steps[i].body_end; ++k) {
    for (const auto& share : rounds.shares) {
      StepRun& run = share->steps_[k];
      if (run.status != Status::pending && (steps_[k].status == Status::pending || steps_[k].index < run.index))
        steps_[k] = std::move(run);
    }
    state_[k] = rounds.failed != nullptr ? State::lost : State::pending;
    unanswered_[k] = 0;
  }
  if (rounds.failed == nullptr || rounds.broken) return;
  if (!error_ && rounds.failed->error_) {
    error_ = rounds.failed->error_;
    failed_step_ = rounds.failed->failed_step_;
  }
  steps_[i].result.reset();
  fail_step(i, {"LoopFailed", rounds.failure, "", std::nullopt, Cause::raised});
}

// All results, in order. False: the execution is over.
Task<bool> Walk::bring_results(std::size_t i, Rounds& rounds) {
  for (std::size_t n = 0; n < rounds.shares.size(); ++n) {
    Walk& share = *rounds.shares[n];
    const std::optional<std::string> problem = co_await move_value(i, share, *rounds.lanes[n], true);
    if (lost_ != nullptr) co_return false;
    if (share.lost_ != nullptr) {
      NodeError error = co_await share.lost_->why_lost();
      fail_for_good(i, std::move(error));
      co_return false;
    }
    if (!problem) continue;
    steps_[i].result.reset();
    refuse_value(i, *problem);
    co_return true;
  }
  const Closing none;
  if (!ask_again(i, none, -1)) co_return false;
  const bool on = co_await answered(i);
  co_return on;
}

}  // namespace qflow::engine
