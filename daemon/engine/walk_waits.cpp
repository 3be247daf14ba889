// The part of Walk that waits. A long wait gives the worker back: what later steps need is in the record, or is kept
// beside it, and a fresh worker goes on with it. What is kept is the same when the engine stops.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/time.hpp"
#include "daemon/engine/walk.hpp"
#include "daemon/flow/control.hpp"

namespace qflow::engine {
namespace {

constexpr std::int64_t kShort = 10'000'000;  // microseconds: the worker stays
constexpr std::int64_t kMuch = 10'000'000;   // microseconds: to run that again costs more than keeping it
constexpr auto kKeepPatience = std::chrono::minutes(2);

std::optional<std::int64_t> end_of(const flow::Wait& wait, std::int64_t now) {
  if (wait.until) return wait.until;
  if (wait.seconds) return now + static_cast<std::int64_t>(*wait.seconds * 1e6);
  return std::nullopt;
}

}  // namespace

// Passes its value on when the waiting is over.
Task<bool> Walk::run_wait(std::size_t i) {
  bool on = co_await finish();
  if (!on) co_return false;
  if (readiness(i).what == Readiness::What::skip) {
    skip_step(i, State::lost, "what it takes has failed");
    co_return true;
  }
  const flow::Wait wait = flow::wait_of(run_.plan.steps[i].node);
  const std::shared_ptr<Resumption>& before = run_.order.resumed;
  if (before && before->over.count(i) != 0 && path_.empty()) {
    came_ = before->came && before->came_at == i ? &*before->came : nullptr;
    co_return ask(i);
  }
  const std::int64_t now = now_us();
  const std::optional<std::int64_t> till = end_of(wait, now);
  StepRun& run = fresh_run(i);
  if (wait.until && *till <= now) {
    fail_step(i, {"InThePast", fmt::format("until: {} is past", iso_time(*till)), "", std::nullopt, Cause::raised});
    co_return true;
  }
  if ((!till || *till - now > kShort) && may_leave_worker()) co_return co_await leave_worker(i, till);
  if (!till) {
    fail_step(i, {"NobodyToResume",
                  "it waits until its resume address is called, which only a server can wait for, and neither in a "
                  "loop nor in a "
                  "workflow that another one runs",
                  "", std::nullopt, Cause::not_run});
    co_return true;
  }
  run.status = Status::running;
  run.started_at = now;
  if (run_.observer) run_.observer(i, run);
  on = co_await pause(static_cast<double>(*till - now) / 1000);
  if (!on && current_->is_lost()) lost_ = current_;
  if (on) on = ask(i);
  co_return on;
}

bool Walk::may_leave_worker() const {
  return run_.order.may_wait && run_.order.resumable && !run_.order.execution_id.empty() && branch_ == 0 &&
         sections_ == 0 && path_.empty() && !error_;
}

// Whether a step whose turn has not come takes the value.
bool Walk::is_wanted_later(std::size_t step) const {
  for (std::size_t other = 0; other < run_.plan.steps.size(); ++other) {
    const bool ahead = !passed_[other] || (run_.outcome.waiting && run_.outcome.waiting->step == other);
    const auto& sources = run_.plan.steps[other].sources;
    if (ahead && std::any_of(sources.begin(), sources.end(), [&](const flow::Source& s) { return s.step == step; }))
      return true;
  }
  return false;
}

// False: the execution waits, or has failed. `step`: nothing: between two steps, if all can be kept; true if it cannot.
Task<bool> Walk::leave_worker(std::optional<std::size_t> step, std::optional<std::int64_t> till) {
  run_.outcome.waiting = Waiting{till, step};
  std::vector<KeptValue> kept;
  for (const std::size_t i : run_.units(std::nullopt)) {
    if (state_[i] != State::live || !steps_[i].result || !is_wanted_later(i)) continue;
    if (steps_[i].result->exact && !steps_[i].result->truncated) continue;  // the record has it
    // Also what a checkpoint has kept is written again: nobody waits until that is on disk.
    KeptValue value;
    const std::optional<std::string> problem = co_await keep_value(i, value, run_.kept_left);
    if (lost_ != nullptr) {
      run_.outcome.waiting.reset();
      co_return false;
    }
    if (problem) {
      run_.outcome.waiting.reset();
      if (!step) co_return true;
      fail_for_good(*step,
                    {"NotKept",
                     fmt::format("the value of \"{}\" ({}) cannot be kept while it waits: {}; what is waited for "
                                 "longer than {} s outlives its worker",
                                 run_.plan.steps[i].node.name, steps_[i].result->type, *problem, kShort / 1'000'000),
                     "", std::nullopt, Cause::raised});
      co_return false;
    }
    kept.push_back(std::move(value));
  }
  // What the outputs so far hand over goes with the worker.
  const bool handed = co_await hand_over(run_.units(std::nullopt));
  if (!handed) {
    run_.outcome.waiting.reset();
    co_return false;
  }
  run_.outcome.kept = std::move(kept);
  run_.outcome.status = Status::waiting;
  co_return false;
}

// The text says why it cannot be kept.
Task<std::optional<std::string>> Walk::keep_value(std::size_t i, KeptValue& out, std::uint64_t& left) {
  Lane& lane = *lanes_[run_.plan.steps[i].group];
  const auto start = Clock::now();
  out.step = i;
  if (steps_[i].result->type.ends_with("Path")) co_return std::string("it names a file of its worker");
  std::optional<FetchedFile> value =
      co_await lane.fetch(i, run_.plan.steps[i], kKeptValue, left, start + kKeepPatience);
  if (!value) {
    lost_ = &lane;
    co_return std::nullopt;
  }
  if (value->too_large)
    co_return fmt::format("it is larger than the {} MiB that are left for values to keep", left >> 20U);
  if (value->problem) co_return run_.kept.keep(*value->problem);
  out.encoding = value->encoding;
  out.bytes = std::move(value->bytes);
  left -= std::min<std::uint64_t>(left, out.bytes.size());
  out.milliseconds = milliseconds_since(start);
  co_return std::nullopt;
}

// The engine stops: waits between two steps if all that is needed can be kept. True: it goes on.
Task<bool> Walk::suspend() {
  run_.suspend = false;  // it is tried once
  const bool on = co_await finish();
  if (!on || error_) co_return on;
  co_return co_await leave_worker(std::nullopt, now_us());
}

// A value that the record does not have whole, and that a later step takes.
bool Walk::should_keep(std::size_t i) const {
  return state_[i] == State::live && steps_[i].result && !(steps_[i].result->exact && !steps_[i].result->truncated) &&
         kept_.count(i) == 0 && is_wanted_later(i);
}

// Before the next unit is asked for: keeps values, where the settings ask for all, or, by default, when much would have
// to run again. What cannot be kept is tried once. What is known to take long is waited for, so that its value can be
// kept before the next one runs. False: a worker is lost.
Task<bool> Walk::checkpoint(std::size_t next) {
  const bool all = run_.plan.checkpoint == flow::Checkpoint::all;
  bool slow = false;
  for (const flow::Source& source : run_.plan.steps[next].sources)
    slow = slow || (source.step && state_[*source.step] == State::asked &&
                    run_.pace.milliseconds[*source.step] * 1000 >= static_cast<float>(kMuch));
  if (all || slow) {
    const bool on = co_await finish();
    if (!on) co_return false;
  }
  if (!all && milliseconds_since(run_.kept_at) * 1000 < static_cast<double>(kMuch)) co_return true;
  for (const std::size_t i : run_.units(std::nullopt)) {
    if (!should_keep(i)) continue;
    const bool on = co_await finish();
    if (!on) co_return false;
    KeptValue value;
    const std::optional<std::string> problem = co_await keep_value(i, value, run_.kept_left);
    if (lost_ != nullptr) co_return false;
    kept_.insert(i);
    if (problem)  // the step's own row is written already
      to_say_[next] =
          fmt::format("the value of \"{}\" cannot be kept for a restart: {}", run_.plan.steps[i].node.name, *problem);
    else run_.keep(std::move(value));
  }
  run_.kept_at = Clock::now();
  co_return true;
}

void Walk::resume(const Resumption& before) {
  for (const Resumption::Step& one : before.steps) {
    const std::size_t i = one.step;
    passed_[i] = true;
    state_[i] = one.live ? State::live : State::dead;
    erred_[i] = one.erred;
    taken_[i] = one.outputs;
    StepRun& run = steps_[i];
    run.status = one.live ? (one.erred ? Status::failed : Status::completed) : Status::skipped;
    run.started_at = run.completed_at = 1;
    run.order = 0;
    run.restored = true;
    run_.outcome.runs[i] = 1;
    for (std::size_t k = i + 1; k < run_.end_of(i); ++k) {  // of a loop that is over
      passed_[k] = true;
      steps_[k].status = Status::skipped;
      steps_[k].started_at = 1;
      steps_[k].restored = true;
    }
    if (!one.live) continue;
    run.result = one.result;
    if (!is_wanted_later(i)) continue;
    const std::size_t group = run_.plan.steps[i].group;
    if (one.encoding == "json") shown_.insert(i);
    lanes_[group]->give(i, one.value, one.encoding);
    given_.insert({i, group});
  }
}

}  // namespace qflow::engine
