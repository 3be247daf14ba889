// The part of Walk that makes branches: steps that do not need one another run at the same time, each in a fork of the
// worker, and the values that later steps need come back.
#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "daemon/engine/walk.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostAtOnce = 8;  // branches of one section
constexpr double kMoveSeconds = 60;     // for handing over one value

}  // namespace

/// Regions that run at the same time.
struct Walk::Section {
  explicit Section(const asio::any_io_executor& executor) : turn(executor), changed(executor) {}
  std::deque<Region> todo;
  Mutex turn;               ///< whoever uses the lane that all branches fork from and hand their values to
  Event changed;            ///< a coroutine has ended, or a branch has been made
  std::size_t at_work = 0;  ///< coroutines
  std::size_t to_fork = 0;  ///< branches that are to be made before the walk goes on by itself
  bool broken = false;      ///< the execution is over
  bool may_stop = false;    ///< no branch is needed, and none was asked for: once they do not pay, no more are made
  std::size_t shorts = 0, longs = 0;  ///< the regions that are over, by what they took
  std::exception_ptr thrown;
};

std::unique_ptr<Lane> Walk::fork_lane(std::size_t group) {
  try {
    const std::size_t channel = run_.next_channel++;
    std::unique_ptr<Lane> branch = lanes_[group]->branch(channel);
    run_.state.forked(lanes_[group]->channel(), channel);
    if (run_.live)
      branch->watch_output([&run = run_, channel](bool standard_error, std::uint32_t after, std::string_view text) {
        run.live->feed(channel, standard_error, after, text);
      });
    return branch;
  } catch (const sandbox::SysError& error) {  // out of descriptors
    log::warning("engine", "a branch could not be made", {{"reason", error.what()}});
    return nullptr;
  }
}

// A fork has one thread: what others hold at that moment, it would hold for ever.
std::string Walk::why_no_fork(std::size_t group) const {
  const std::uint64_t threads = lanes_[group]->threads();
  return threads > 1 ? fmt::format("its worker has {} threads", threads) : std::string();
}

// At a unit beside which others could run: makes branches if that pays. The turn of what ran has come then.
Task<bool> Walk::run_section(const Units& units, std::size_t at) {
  std::vector<Region> regions = regions_of(units, at);
  if (regions.size() < 2) co_return true;
  if (!shares_heavy(regions) && !pays(regions)) {
    judge(regions, false);
    co_return true;
  }
  // Until all that was asked is answered: what is decided by it, and whether a value is heavy, is known then.
  const bool on = co_await finish();
  if (!on) co_return false;
  regions = regions_of(units, at);
  if (regions.size() < 2) co_return true;
  const bool may_stop = run_.plan.parallel == flow::Parallel::automatic && !shares_heavy(regions);
  std::string problem;
  for (const Region& region : regions)
    if (problem.empty()) problem = why_no_fork(region.group);
  if (!problem.empty()) {
    for (std::size_t r = 1; r < regions.size(); ++r)
      to_say_[regions[r].units.front()] = fmt::format("it ran after \"{}\" and not beside it: {}",
                                                      run_.plan.steps[regions[0].units.front()].node.name, problem);
    judge(regions, true);
    co_return true;
  }
  // Values that cannot leave a branch need none: they are made in the worker itself, one region after the other.
  const auto stays = [&](const Region& region) {
    return std::any_of(region.units.begin(), region.units.end(),
                       [&](std::size_t unit) { return run_.pace.stays[unit] && is_needed(unit, region); });
  };
  const auto leaving = std::stable_partition(regions.begin(), regions.end(), stays);
  auto first = leaving == regions.begin() ? regions.begin() + 1 : leaving;
  if (static_cast<std::size_t>(regions.end() - first) > kMostAtOnce && leaving == regions.begin())
    first = regions.begin();  // the worker forks for each in turn, and runs none itself
  if (first == regions.end()) {
    judge(regions, true);
    co_return true;
  }
  Section section(run_.pool.executor());
  section.may_stop = may_stop;
  for (auto region = first; region != regions.end(); ++region) section.todo.push_back(std::move(*region));
  regions.erase(first, regions.end());
  const std::size_t at_once = std::min(section.todo.size(), kMostAtOnce);
  section.to_fork = section.at_work = at_once;
  for (std::size_t n = 0; n < at_once; ++n)
    asio::co_spawn(run_.pool.executor(), run_regions(section), [&section](std::exception_ptr thrown) {
      if (thrown) section.thrown = thrown;
      --section.at_work;
      section.changed.signal();
    });
  // Whatever happens here, the branches are waited for: they refer to the section.
  ++sections_;
  std::exception_ptr thrown;
  try {
    while (section.to_fork > 0 && section.at_work > 0) co_await section.changed.wait();
    if (!section.broken) co_await run_own(section, regions);
  } catch (...) {
    thrown = std::current_exception();
    section.broken = true;
    run_.kill(workers::End::cancelled);
  }
  while (section.at_work > 0) co_await section.changed.wait();
  --sections_;
  if (thrown) std::rethrow_exception(thrown);
  if (section.thrown) std::rethrow_exception(section.thrown);
  co_return !section.broken && lost_ == nullptr && !run_.cancelled;
}

// What is left to the worker itself, meanwhile.
Task<> Walk::run_own(Section& section, const std::vector<Region>& regions) {
  co_await section.turn.lock();
  const Mutex::Held held(section.turn);
  bool on = true;
  for (const Region& region : regions) {
    if (!on) break;
    judged_.insert(region.units.front());
    on = co_await run(region.units);
  }
  if (on) on = co_await finish();
  if (on) co_return;
  section.broken = true;
  co_await explain_loss();
  run_.kill(workers::End::cancelled);
}

// Takes one region after the other.
Task<> Walk::run_regions(Section& section) {
  while (!section.todo.empty() && !section.broken) {
    Region region = std::move(section.todo.front());
    section.todo.pop_front();
    co_await run_region(section, std::move(region));
  }
}

Task<> Walk::run_region(Section& section, Region region) {
  const std::unique_ptr<Lane> lane = co_await fork_for(section, region);
  if (!lane) co_return;
  Walk branch(*this, region.group, *lane);
  for (const std::size_t unit : region.units)
    for (std::size_t k = unit; k < run_.end_of(unit); ++k) {
      branch.mine_.insert(k);
      branch.steps_[k] = steps_[k];  // what loading its module has told
    }
  bool on = co_await branch.run(region.units);
  if (on) on = co_await branch.finish();
  if (on) on = co_await branch.hand_over(region.units);
  if (!on && !section.broken) co_await branch.explain_loss();
  if ((branch.lost_ != nullptr || branch.refused_) && !section.broken) {
    section.broken = true;
    run_.kill(workers::End::cancelled);
  }
  if (!on) branch.end_running();
  co_await section.turn.lock();
  const Mutex::Held held(section.turn);
  merge(region, branch);
  if (on && !section.broken) co_await bring_home(section, region, branch, *lane);
  for (auto& [group, runner] : branch.runners_) drop_branch(group, *runner);
  drop_branch(region.group, *lane);
  if (section.may_stop) weigh(section, region);
}

// Of many steps that were never timed, only the first are tried beside one another: if all of these are short, the
// others stay pending, and the worker runs them itself when their turn comes.
void Walk::weigh(Section& section, const Region& region) {
  ++(is_long(region) ? section.longs : section.shorts);
  if (section.longs > 0 || section.shorts < kMostAtOnce) return;
  for (const Region& rest : section.todo) judged_.insert(rest.units.begin(), rest.units.end());
  section.todo.clear();
}

// Whoever forked it waits for it; if that is gone, or was not this lane, PID 1 does.
void Walk::drop_branch(std::size_t group, const Lane& branch) {
  Lane* const main = run_.lanes[group].get();
  lanes_[group]->drop(branch);
  lanes_[group]->send();
  if (run_.live) run_.live->forget(branch.channel());
  if (main == lanes_[group] || main == nullptr) return;
  main->drop(branch);
  main->send();
}

// Null: the units are still pending, and run in the worker itself when their turn comes.
Task<std::unique_ptr<Lane>> Walk::fork_for(Section& section, const Region& region) {
  co_await section.turn.lock();
  const Mutex::Held held(section.turn);
  std::unique_ptr<Lane> lane;
  if (!section.broken) {
    lane = fork_lane(region.group);
    const bool on = co_await serve(*lanes_[region.group], 0);
    if (!on) section.broken = true;
    if (lane && (!on || !has_forked(*lane))) lane.reset();
  }
  if (section.to_fork > 0) --section.to_fork;
  section.changed.signal();
  if (!lane) {
    judged_.insert(region.units.begin(), region.units.end());
    to_say_[region.units.front()] = "it did not run beside others: its worker could not be forked";
  }
  co_return lane;
}

// What came of the steps of a region is what this walk knows of them. The error of the earliest step is the
// execution's, as it would be without branches.
void Walk::merge(const Region& region, Walk& branch) {
  for (const std::size_t unit : region.units)
    for (std::size_t k = unit; k < run_.end_of(unit); ++k) {
      state_[k] = branch.state_[k];
      passed_[k] = true;
      erred_[k] = branch.erred_[k];
      taken_[k] = std::move(branch.taken_[k]);
      steps_[k] = std::move(branch.steps_[k]);
      unanswered_[k] = 0;
      forget_given(k);
    }
  if (branch.error_ && (!error_ || branch.failed_step_ < failed_step_)) {
    error_ = branch.error_;
    failed_step_ = branch.failed_step_;
  }
  refused_ = refused_ || branch.refused_;
}

// Whether a step outside of the region, in the same sandbox, may take the value; other sandboxes get it as JSON.
bool Walk::is_needed(std::size_t step, const Region& region) const {
  const auto is_inside = [&](std::size_t other) {
    return std::any_of(region.units.begin(), region.units.end(),
                       [&](std::size_t unit) { return other >= unit && other < run_.end_of(unit); });
  };
  for (std::size_t other = 0; other < run_.plan.steps.size(); ++other) {
    const flow::Step& taker = run_.plan.steps[other];
    if (taker.group != region.group || is_inside(other)) continue;
    for (const flow::Source& source : taker.sources)
      if (source.step == step && !passed_[other]) return true;
    // A loop whose body this is: its result goes back to it.
    for (const flow::Source& source : taker.sources)
      if (source.step == step && source.closes) return true;
  }
  return false;
}

// The values that later steps need. The branch waits until then.
Task<> Walk::bring_home(Section& section, const Region& region, Walk& branch, Lane& lane) {
  for (const std::size_t unit : region.units) {
    if (state_[unit] != State::live || section.broken || !is_needed(unit, region)) continue;
    const std::optional<std::string> problem = co_await move_value(unit, branch, lane, false);
    if (lost_ != nullptr || branch.lost_ != nullptr) {
      section.broken = true;
      co_await explain_loss();
      if (lost_ == nullptr && !branch.lost_->was_cancelled()) {
        NodeError error = co_await branch.lost_->why_lost();
        fail_for_good(unit, std::move(error));
      }
      run_.kill(workers::End::cancelled);
      co_return;
    }
    if (!problem) {
      home_.insert(unit);
      continue;
    }
    run_.pace.stays[unit] = true;
    if (run_.plan.parallel == flow::Parallel::automatic && may_run_again(region))
      co_return run_again(region, unit, *problem);
    refuse_value(unit, *problem);
  }
}

// Nobody asked for branches, and nothing of what the steps have done has left the sandbox.
bool Walk::may_run_again(const Region& region) const {
  return run_.plan.sandboxes[region.group].network == sandbox::Network::none && !error_;
}

// In the worker itself, when their turn comes.
void Walk::run_again(const Region& region, std::size_t unit, const std::string& problem) {
  for (const std::size_t one : region.units)
    for (std::size_t k = one; k < run_.end_of(one); ++k) {
      passed_[k] = false;
      state_[k] = State::pending;
      erred_[k] = false;
      taken_[k].clear();
      steps_[k] = StepRun{};
      run_.handed_over[k] = false;
    }
  judged_.insert(region.units.begin(), region.units.end());
  to_say_[region.units.front()] = fmt::format(
      "it ran again, in its worker: the value of \"{}\" cannot leave a branch ({}); settings.parallel \"off\" makes "
      "none",
      run_.plan.steps[unit].node.name, problem);
}

void Walk::refuse_value(std::size_t unit, const std::string& problem) {
  run_.pace.stays[unit] = true;
  const std::string type = steps_[unit].result ? steps_[unit].result->type : "?";
  fail_for_good(unit, {"NotTransferable",
                       fmt::format("the value of \"{}\" ({}) cannot leave its branch: {}; with settings.parallel "
                                   "\"off\" all nodes run in one process",
                                   run_.plan.steps[unit].node.name, type, problem),
                       "", std::nullopt, Cause::raised});
}

// Hands the value of a step (or what a loop has collected) from a branch to the worker. The text says why that was not
// possible; nothing: it was, or one of both is lost.
// `forked`: the lane of the branch as it was made; what speaks for it now may be a copy that took its place.
Task<std::optional<std::string>> Walk::move_value(std::size_t step, Walk& branch, const Lane& forked, bool results) {
  const auto start = Clock::now();
  Lane& to = *lanes_[run_.plan.steps[step].group];
  Lane& from = *branch.lanes_[run_.plan.steps[step].group];
  branch.not_moved_.reset();
  not_moved_.reset();
  to.take(step, kMoveSeconds, forked, results);
  to.send();
  from.pack(step, kMoveSeconds, forked, results);
  const bool packed = co_await branch.serve(from, 0);
  const bool taken = co_await serve(to, 0);
  if (!packed || !taken) co_return std::nullopt;
  std::optional<std::string> problem;
  for (const std::optional<schema::Raised>& raised : {branch.not_moved_, not_moved_}) {
    if (!raised || problem) continue;
    problem = run_.kept.keep(raised->message.empty() ? raised->type : raised->message);
  }
  if (problem) co_return problem;
  std::size_t taker = step;
  for (std::size_t other = step; other < run_.plan.steps.size() && taker == step; ++other)
    for (const flow::Source& source : run_.plan.steps[other].sources)
      if (source.step == step && !source.closes) taker = other;
  run_.note_flow(step, taker, "pickle", branch.moved_bytes_, milliseconds_since(start));
  co_return std::nullopt;
}

}  // namespace qflow::engine
