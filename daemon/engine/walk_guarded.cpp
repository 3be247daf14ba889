// The part of Walk for steps that may fail: they are tried again, or what follows takes their error. What runs such a
// step may be killed for it, so that a copy of it is made before, which holds all values.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/walk.hpp"

namespace qflow::engine {

// A step that may fail: tried again as often as it says; what follows waits for what becomes of it.
Task<bool> Walk::run_guarded(std::size_t i) {
  const flow::Tries& tries = run_.plan.steps[i].node.tries;
  static thread_local std::minstd_rand random(std::random_device{}());
  double wait = tries.wait_ms;
  for (unsigned attempt = 0;; ++attempt) {
    std::unique_ptr<Lane> spare;
    const bool ready = co_await make_spare(i, spare);
    if (!ready) co_return false;
    attempt_ = attempt;
    trying_.reset();
    if (attempt + 1 < tries.most) trying_ = i;
    to_retry_ = false;
    const bool asked = ask(i);
    attempt_ = 0;
    if (!asked) co_return false;
    bool on = co_await answered(i);
    if (!on && survives(i, spare.get())) on = co_await fall_back(i, std::move(spare));
    else if (spare && on) lanes_[run_.plan.steps[i].group]->drop(*spare);
    trying_.reset();
    if (!on) co_return false;
    if (!to_retry_) co_return true;
    const bool there = co_await pause(wait * (1 + std::uniform_real_distribution<double>(0, tries.jitter)(random)));
    if (!there) {
      if (current_->is_lost()) lost_ = current_;
      co_return false;
    }
    wait *= tries.backoff;
    steps_[i] = StepRun{};
    steps_[i].index = path_;
  }
}

// A worker is PID 1 of its sandbox, and all end with it: the first time, a branch takes its place, and it stays behind
// as the copy. From then on the copy is a branch of that. Without one the step runs as any other does, and what kills
// it ends the execution. False: a worker is lost.
Task<bool> Walk::make_spare(std::size_t i, std::unique_ptr<Lane>& spare) {
  const std::size_t group = run_.plan.steps[i].group;
  worker_is_copy_ = false;
  bool on = co_await serve(*lanes_[group], 0);
  if (!on) co_return false;
  std::string problem = why_no_fork(group);
  if (problem.empty() && lanes_[group]->is_branch()) {
    spare = fork_lane(group);
  } else if (problem.empty()) {
    std::unique_ptr<Lane> runner = fork_lane(group);
    on = co_await serve(*lanes_[group], 0);
    if (!on) co_return false;
    worker_is_copy_ = runner && has_forked(*runner);
    if (worker_is_copy_) take_runner(group, std::move(runner));
    else problem = "it could not be forked";
  }
  if (!problem.empty())
    to_say_[i] = fmt::format(
        "it runs in the process that holds all values, since {}: being killed would end the execution", problem);
  co_return true;
}

bool Walk::survives(std::size_t i, const Lane* spare) const {
  if ((spare == nullptr && !worker_is_copy_) || run_.cancelled || run_.expired || lost_ == nullptr ||
      lost_->was_cancelled())
    return false;
  return lost_ == lanes_[run_.plan.steps[i].group] && (spare == nullptr || has_forked(*spare)) && unanswered_[i] > 0 &&
         lost_->lost_at().call() && lost_->lost_at().step == i && !lost_->broke_protocol();
}

// What ran the step is gone; its copy goes on in its place. False: that is gone, too.
Task<bool> Walk::fall_back(std::size_t i, std::unique_ptr<Lane> spare) {
  const std::size_t group = run_.plan.steps[i].group;
  Lane& gone = *lost_;
  NodeError error = co_await gone.why_lost();
  const LaneRequest at = gone.lost_at();
  collect_output(gone, at);
  steps_[i].usage = remaining_usage(gone, i);
  lost_ = nullptr;
  unanswered_[i] = 0;
  if (spare) take_runner(group, std::move(spare));
  else return_to_worker(group);
  Lane& lane = *lanes_[group];
  const bool there = co_await lane.arrive();
  if (!there) {
    lost_ = &lane;
    co_return false;
  }
  json::object failed{{"type", error.type}, {"message", error.message}, {"traceback", error.traceback}};
  fail_step(i, std::move(error));
  if (!erred_[i]) co_return true;
  // Its value is the error: the copy is told.
  noting_ = i;
  flow::SourceList sources;
  for (const flow::Source& source : run_.plan.steps[i].sources)
    if (edge(source, i) == Edge::live) sources.push_back(&source);
  CallRequest request = call_request(run_.plan, i, sources, run_.known.functions[i], run_.input(), run_.entries);
  request.call.failed = std::move(failed);
  lane.call(i, run_.plan.steps[i], request.call);
  const bool on = co_await serve(lane, 0);
  noting_.reset();
  co_return on;
}

// The worker itself goes on: it has all values from before the step.
void Walk::return_to_worker(std::size_t group) {
  Lane* const worker = run_.lanes[group].get();
  const std::unique_ptr<Lane> gone = std::move(runners_[group]);
  runners_.erase(group);
  if (current_ == gone.get()) current_ = worker;
  lanes_[group] = worker;
  worker->drop(*gone);
  if (run_.live) run_.live->forget(gone->channel());
  worker->send();
}

// The lane of a sandbox is another from now on.
void Walk::take_runner(std::size_t group, std::unique_ptr<Lane> lane) {
  std::unique_ptr<Lane>& slot = runners_[group];
  Lane* const before = lanes_[group];
  lanes_[group] = lane.get();
  if (current_ == before) current_ = lane.get();
  if (slot) {
    run_.lanes[group]->drop(*slot);
    run_.lanes[group]->send();
  }
  slot = std::move(lane);
}

// What can end differently the next time. What was refused, or cannot be called like this, cannot.
bool Walk::may_end_differently(std::size_t step, const NodeError& error) const {
  const auto& only = run_.plan.steps[step].node.tries.only;
  if (!only.empty()) return std::find(only.begin(), only.end(), error.type) != only.end();
  switch (error.cause) {
    case Cause::raised:
    case Cause::memory_limit:
    case Cause::timed_out:
    case Cause::crashed:
      return true;
    default:
      return false;
  }
}

// False: the execution is over meanwhile.
Task<bool> Walk::pause(double milliseconds) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double, std::milli>(std::min(milliseconds, 1e9)));
  while (Clock::now() < until && !run_.cancelled && !run_.expired && !current_->is_lost()) {
    const auto left = std::min<Clock::duration>(until - Clock::now(), std::chrono::milliseconds(100));
    co_await sleep_for(left);
  }
  co_return !run_.cancelled && !run_.expired && !current_->is_lost();
}

// Ends the execution as the node says, once what was asked before it is answered.
Task<bool> Walk::run_stop(std::size_t i) {
  const bool done = co_await serve(*current_, 0);
  if (!done) co_return false;
  if (readiness(i).what == Readiness::What::skip) {
    skip_step(i, State::lost, "what it takes has failed");
    co_return true;
  }
  const json::object& parameters = run_.plan.steps[i].node.control_parameters;
  const auto text = [&](const char* name, const char* otherwise) {
    const json::value* value = parameters.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                  : std::string(otherwise);
  };
  fresh_run(i);
  run_.outcome.stopped_by = run_.plan.steps[i].node.name;
  if (text("status", "failed") == "completed") {
    end_step(i, Status::completed);
  } else {
    fail_for_good(i, {"Stopped", text("message", "the workflow ended itself"), "", std::nullopt, Cause::raised});
  }
  co_return false;
}

}  // namespace qflow::engine
