// The part of Run that decides which steps are asked for, and when. A straight run of steps goes out at once; only a
// choice that what follows depends on is waited for, and the rounds of a loop.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "daemon/base/fault.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/engine/run.hpp"

namespace qflow::engine {
namespace {

// As Python calls the type of a JSON text.
const char* json_type(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  switch (first == std::string_view::npos ? '0' : text[first]) {
    case '{':
      return "dict";
    case '[':
      return "list";
    case '"':
      return "str";
    case 't':
    case 'f':
      return "bool";
    case 'n':
      return "NoneType";
    default:
      return text.find_first_of(".eE") == std::string_view::npos ? "int" : "float";
  }
}

std::string reason_text(const char* why, const std::string& node) { return fmt::format("{} \"{}\"", why, node); }

}  // namespace

// Asks for the steps [first, last) as their inputs are decided; those that need no decision are sent without waiting.
// False: no more is to be asked: a worker is lost, a call is refused, the execution is over.
Task<bool> Run::run_steps(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last && !is_round_broken();) {
    const flow::Step& step = plan_.steps[i];
    const bool turned = co_await turn_to(step.group);
    if (!turned) co_return false;
    const Readiness ready = readiness(i);
    const auto pin = order_.pins.find(i);
    const bool not_taken = ready.what == Readiness::What::skip && ready.as == State::dead;
    if (pin != order_.pins.end() && ready.what != Readiness::What::wait && !not_taken) {
      take_pin(i, pin->second);
      ++i;
      continue;
    }
    if (ready.what == Readiness::What::wait) {
      const bool came = co_await answered(ready.on);
      if (!came) co_return false;
      continue;
    }
    const std::size_t next = std::max(i + 1, step.body_end);
    if (ready.what == Readiness::What::skip) {
      const bool lost = ready.as == State::lost;
      skip_step(i, ready.as,
                reason_text(lost ? "it has no value from" : "not taken by", plan_.steps[ready.on].node.name));
    } else if (step.node.control == flow::Control::stop) {
      const bool on = co_await run_stop(i);
      if (!on) co_return false;
    } else if (step.body_end > 0) {
      const bool on = co_await run_loop(i);
      if (!on) co_return false;
    } else if (step.is_guarded()) {
      const bool on = co_await run_guarded(i);
      if (!on) co_return false;
    } else if (!ask(i)) {
      co_return false;
    }
    i = next;
  }
  co_return true;
}

// One worker works at a time: what another was asked for is answered first.
Task<bool> Run::turn_to(std::size_t group) {
  Lane* const lane = lanes_[group].get();
  if (current_ != nullptr && current_ != lane) {
    const bool done = co_await serve(*current_, 0);
    if (!done) co_return false;
  }
  current_ = lane;
  co_return true;
}

Run::Edge Run::edge(const flow::Source& source, std::size_t to) const {
  if (!source.step) return Edge::live;
  const std::size_t from = *source.step;
  const flow::Step& step = plan_.steps[from];
  const bool same_worker = step.group == plan_.steps[to].group;
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

Run::Readiness Run::readiness(std::size_t i) const {
  bool any = false, live = false;
  Readiness out;
  for (const flow::Source& source : plan_.steps[i].sources) {
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

bool Run::ask(std::size_t i) {
  flow::SourceList sources;
  for (const flow::Source& source : plan_.steps[i].sources)
    if (!source.closes && edge(source, i) == Edge::live) sources.push_back(&source);
  return send_call(i, sources, nullptr);
}

bool Run::ask_again(std::size_t loop, const Closing& closing) {
  flow::SourceList sources;
  if (closing.source != nullptr) sources.push_back(closing.source);
  return send_call(loop, sources, &closing);
}

// A value of a node of flow that came from another sandbox is that of its live outputs; of a filter, a dict of both.
void Run::adapt(std::size_t step, schema::Argument& argument) const {
  if (!argument.handle) return;
  const std::size_t from = (*argument.handle - 2) / 2;
  if (plan_.steps[from].group == plan_.steps[step].group || !plan_.steps[from].is_flow()) return;
  if (plan_.steps[from].node.control == flow::Control::filter) return;
  argument.item.reset();
  argument.key.reset();
  argument.width.reset();
}

bool Run::send_call(std::size_t i, const flow::SourceList& sources, const Closing* closing) {
  const flow::Step& step = plan_.steps[i];
  Lane& lane = *lanes_[step.group];
  const bool partly = sources.size() < flow::sources_of(step).size();
  try {
    if (!give_values(lane, i, sources)) return true;  // it has failed
    CallRequest request = call_request(plan_, i, sources, known_.functions[i], input(), entries_);
    if (closing != nullptr) {
      if (sources.empty()) request.call.arguments.clear();
      request.call.again = true;
      for (schema::Argument& argument : request.call.arguments)
        argument.name = step.node.control == flow::Control::for_each ? "result" : "next";
      if (closing->error) {
        schema::Argument error;
        error.name = "error";
        error.literal = *closing->error;
        request.call.arguments.push_back(std::move(error));
      }
    }
    for (schema::Argument& argument : request.call.arguments) adapt(i, argument);
    std::uint64_t round = 0;
    StepRun* run = &outcome_.steps[i];
    if (!path_.empty() && closing == nullptr) {
      round = ++last_round_;
      run = &rounds_[round];
      run->index = path_;
    }
    run->attempt = attempt_;
    if (closing == nullptr) {
      run->origins = std::move(request.origins);
      for (std::string& warning : request.warnings) run->warnings.push_back(std::move(warning));
    }
    lane.call(i, step, request.call, round);
    if (live_) live_->asked(step.group, call_id(i), i);
    state_[i] = State::asked;
    ++unanswered_[i];
    return true;
  } catch (const Fault& fault) {
    if (partly && fault.code == "missing_argument") {
      skip_step(i, State::dead,
                fault.message.substr(0, fault.message.find(": connect it")) + ": its source was not taken");
      return true;
    }
    refuse_call(i, {"NotBound", fault.message, "", std::nullopt, Cause::not_run});
  } catch (const std::length_error&) {
    refuse_call(i, {"InputTooLarge",
                    fmt::format("node \"{}\": its arguments are too large to hand to a worker: at most {} MiB for "
                                "one node, {} MiB for all; pass a file's text in parts, or let the node read or make "
                                "the data",
                                step.node.name, schema::kMaxFrame >> 20U, Lane::kMostQueued >> 20U),
                    "", std::nullopt, Cause::not_run});
  }
  return false;
}

// Between sandboxes only plain data passes: a pickle would run code of one sandbox with the rights of the other.
bool Run::give_values(Lane& lane, std::size_t i, const flow::SourceList& sources) {
  const flow::Step& step = plan_.steps[i];
  for (const flow::Source* source : sources) {
    if (!source->step || plan_.steps[*source->step].group == step.group) continue;
    const StepRun& from = outcome_.steps[*source->step];
    if (given_.count({*source->step, step.group}) != 0) continue;
    if (!from.result) {
      fail_step(i, {"NotTransferable",
                    fmt::format("the value of node \"{}\" is not known outside of its sandbox",
                                plan_.steps[*source->step].node.name),
                    "", std::nullopt, Cause::not_run});
      return false;
    }
    if (!from.result->exact || from.result->truncated) {
      const std::string where = from.result->inexact_at ? ": " + kept_.keep(*from.result->inexact_at) : "";
      fail_step(i, {"NotTransferable",
                    fmt::format("the value of node \"{}\" ({}{}) cannot pass to node \"{}\", which runs in another "
                                "sandbox: only JSON values of at most {} MiB can (None, bool, int, float, str, list, "
                                "dict). Return such a value, or give both nodes the same sandbox",
                                plan_.steps[*source->step].node.name, from.result->type, where, step.node.name,
                                kOutputBytes >> 20U),
                    "", std::nullopt, Cause::not_run});
      return false;
    }
    const auto start = Clock::now();
    lane.give(*source->step, from.result->preview);
    given_.insert({*source->step, step.group});
    note_flow(*source->step, i, from.result->preview.size(), milliseconds_since(start));
  }
  return true;
}

void Run::refuse_call(std::size_t step, NodeError error) {
  outcome_.bad_input = !begun_;
  refused_ = true;
  for (const auto& lane : lanes_)
    if (lane) lane->forget();
  fail_for_good(step, std::move(error));
}

// Fails the execution, too, whatever loop is around the step.
void Run::fail_for_good(std::size_t step, NodeError error) {
  for_good_ = true;
  fail_step(step, std::move(error));
  for_good_ = false;
  if (outcome_.error) return;
  outcome_.error = outcome_.steps[step].error;
  outcome_.failed_step = step;
}

// Sends what is queued, and takes answers until `until` are still expected. False: the worker is lost, or a module
// could not be loaded.
Task<bool> Run::serve(Lane& lane, std::size_t until) {
  lane.send();
  while (lane.expected() > until && !lane.is_lost()) {
    if (const LaneRequest* next = lane.begin_next()) begin_step(*next);
    std::optional<LaneAnswer> answer = co_await lane.receive();
    if (!answer) break;
    const bool loading = answer->to.load;
    take_answer(lane, std::move(*answer));
    if (loading && outcome_.error) {
      lane.forget();  // nothing is to run; answers to calls that were sent along are not waited for
      load_failed_ = true;
      co_return false;
    }
    if (is_round_broken()) break;
  }
  if (lane.is_lost()) lost_ = &lane;
  co_return lost_ == nullptr && !cancelled_;
}

// Waits until the step has answered all that it was asked.
Task<bool> Run::answered(std::size_t step) {
  Lane& lane = *lanes_[plan_.steps[step].group];
  while (unanswered_[step] > 0 && !is_round_broken()) {
    const bool on = co_await serve(lane, lane.expected() > 0 ? lane.expected() - 1 : 0);
    if (!on || lane.expected() == 0) co_return on&& unanswered_[step] == 0;
  }
  co_return true;
}

// Ends the execution as the node says, once what was asked before it is answered.
Task<bool> Run::run_stop(std::size_t i) {
  const bool done = co_await serve(*current_, 0);
  if (!done) co_return false;
  if (readiness(i).what == Readiness::What::skip) {
    skip_step(i, State::lost, "what it takes has failed");
    co_return true;
  }
  const json::object& parameters = plan_.steps[i].node.control_parameters;
  const auto text = [&](const char* name, const char* otherwise) {
    const json::value* value = parameters.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                  : std::string(otherwise);
  };
  if (!path_.empty()) {
    outcome_.steps[i] = StepRun{};
    outcome_.steps[i].index = path_;
  }
  outcome_.stopped_by = plan_.steps[i].node.name;
  if (text("status", "failed") == "completed") {
    end_step(i, Status::completed);
  } else {
    fail_for_good(i, {"Stopped", text("message", "the workflow ended itself"), "", std::nullopt, Cause::raised});
  }
  co_return false;
}

// What can end differently the next time. What was refused, or cannot be called like this, cannot.
bool Run::may_end_differently(std::size_t step, const NodeError& error) const {
  const auto& only = plan_.steps[step].node.tries.only;
  if (!only.empty()) return std::find(only.begin(), only.end(), error.type) != only.end();
  return error.cause == Cause::raised || error.cause == Cause::memory_limit;
}

// False: the execution is over meanwhile.
Task<bool> Run::pause(double milliseconds) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double, std::milli>(std::min(milliseconds, 1e9)));
  while (Clock::now() < until && !cancelled_ && !expired_ && !current_->is_lost()) {
    const auto left = std::min<Clock::duration>(until - Clock::now(), std::chrono::milliseconds(100));
    co_await sleep_for(left);
  }
  co_return !cancelled_ && !expired_ && !current_->is_lost();
}

// A step that may fail: tried again as often as it says; what follows waits for what becomes of it.
Task<bool> Run::run_guarded(std::size_t i) {
  const flow::Tries& tries = plan_.steps[i].node.tries;
  static thread_local std::minstd_rand random(std::random_device{}());
  double wait = tries.wait_ms;
  for (unsigned attempt = 0;; ++attempt) {
    attempt_ = attempt;
    trying_.reset();
    if (attempt + 1 < tries.most) trying_ = i;
    to_retry_ = false;
    const bool asked = ask(i);
    attempt_ = 0;
    if (!asked) co_return false;
    const bool on = co_await answered(i);
    trying_.reset();
    if (!on) co_return false;
    if (!to_retry_) co_return true;
    const bool there = co_await pause(wait * (1 + std::uniform_real_distribution<double>(0, tries.jitter)(random)));
    if (!there) {
      if (current_->is_lost()) lost_ = current_;
      co_return false;
    }
    wait *= tries.backoff;
    outcome_.steps[i] = StepRun{};
    outcome_.steps[i].index = path_;
  }
}

// Its value is given instead of being made.
void Run::take_pin(std::size_t i, const std::string& value) {
  if (!path_.empty()) {
    outcome_.steps[i] = StepRun{};
    outcome_.steps[i].index = path_;
  }
  StepRun& run = outcome_.steps[i];
  schema::Result result;
  result.type = json_type(value);
  result.preview = value;
  run.result = std::move(result);
  run.reason = "pinned";
  state_[i] = State::live;
  erred_[i] = false;
  if (given_.insert({i, plan_.steps[i].group}).second) current_->give(i, value);
  end_step(i, Status::completed);
}

void Run::skip_step(std::size_t i, State as, const std::string& reason) {
  const std::size_t end = std::max(i + 1, plan_.steps[i].body_end);
  for (std::size_t k = i; k < end; ++k) {
    if (!path_.empty()) {
      outcome_.steps[k] = StepRun{};
      outcome_.steps[k].index = path_;
    }
    outcome_.steps[k].reason = reason;
    state_[k] = as;
    end_step(k, Status::skipped);
  }
}

}  // namespace qflow::engine
