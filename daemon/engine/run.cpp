#include "daemon/engine/run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/base/time.hpp"
#include "daemon/check/type_check.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/flow/inputs.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostRemembered = 16U << 10U;  // bytes of descriptions of one plan
constexpr std::size_t kMostTypeWarnings = 20;        // of one step

}  // namespace

Run::Run(workers::Pool& pool, Experience& experience, const Order& order, StepObserver observer)
    : experience_(experience), state_(pool, order, std::move(observer)), walk_(state_) {}

void Run::cancel() {
  state_.cancelled = true;
  state_.kill(workers::End::cancelled);
}

Task<Lane*> Run::open_lane(std::size_t group) {
  if (!state_.lanes[group]) {
    const flow::Plan& plan = state_.plan;
    if (state_.order.kept) {
      state_.lanes[group] = co_await fork_kept();
    } else {
      workers::Lease worker =
          co_await state_.pool.acquire(plan.python, plan.environment, plan.imports, plan.sandboxes[group]);
      state_.lanes[group] = std::make_unique<Lane>(std::move(worker), state_.pool.settings(), group);
    }
    walk_.take_lane(group);
    if (state_.live)
      state_.lanes[group]->watch_output([this, group](bool standard_error, std::uint32_t after, std::string_view text) {
        state_.live->feed(group, standard_error, after, text);
      });
  }
  co_return state_.lanes[group].get();
}

// Places and workers are waited for before.
void Run::watch_time() {
  if (!state_.plan.timeout) return;
  const double ran = state_.order.resumed ? state_.order.resumed->ran_ms / 1000 : 0;
  const auto seconds = std::chrono::duration<double>(std::clamp(*state_.plan.timeout - ran, 0.001, 1e9));
  limit_.emplace(state_.pool.executor(), std::chrono::duration_cast<Clock::duration>(seconds));
  limit_->async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (!error && alive.lock()) expire();
  });
}

void Run::expire() {
  state_.expired = true;
  state_.kill(workers::End::timed_out);
}

Task<Outcome> Run::execute() {
  const auto start = Clock::now();
  Outcome& outcome = state_.outcome;
  if (!state_.cancelled) {
    co_await open_lane(0);
    outcome.queue_ms = milliseconds_since(start);
    watch_time();
    if (!state_.cancelled) co_await run_all();
    limit_.reset();
    co_await walk_.explain_loss();
    if (!state_.order.execution_id.empty()) outcome.usage = state_.usage();
  }
  outcome.error = walk_.error();
  if (!outcome.error && walk_.is_lost() && !state_.cancelled && !state_.expired)
    outcome.error = NodeError{"WorkerDied", "its worker was lost", "", std::nullopt, Cause::crashed};
  if (walk_.error()) outcome.failed_step = walk_.failed_step();
  outcome.branches = state_.branches;
  outcome.state_changes = state_.state.changes();
  settle(start);
  keep_worker();
  co_return std::move(outcome);
}

// Settles the steps that never ended.
void Run::settle(Clock::time_point start) {
  Outcome& outcome = state_.outcome;
  const flow::Plan& plan = state_.plan;
  outcome.duration_ms = milliseconds_since(start) + (state_.order.resumed ? state_.order.resumed->ran_ms : 0);
  if (outcome.status == Status::waiting && state_.cancelled) outcome.status = Status::running;
  if (outcome.status == Status::waiting) return;
  for (std::size_t i = 0; i < outcome.steps.size(); ++i) {
    StepRun& run = outcome.steps[i];
    if (run.status == Status::running && !outcome.stopped_by.empty() && !state_.cancelled)
      run.reason = fmt::format("\"{}\" ended the execution", outcome.stopped_by);
  }
  walk_.end_running();
  for (std::size_t i = 0; i < outcome.steps.size(); ++i) {
    StepRun& run = outcome.steps[i];
    if (run.status != Status::pending) continue;
    run.status = state_.cancelled ? Status::cancelled : Status::skipped;
    run.order = state_.next_order++;
    if (!outcome.stopped_by.empty()) run.reason = fmt::format("\"{}\" ended the execution", outcome.stopped_by);
    else if (plan.steps[i].loop && !outcome.error && !state_.cancelled) run.reason = "its loop had no round";
  }
  if (state_.expired && !outcome.error)
    outcome.error = NodeError{"TimedOut", expired_text(*plan.timeout), "", std::nullopt, Cause::timed_out};
  if (state_.cancelled) outcome.status = Status::cancelled;
  else if (outcome.status == Status::running) outcome.status = outcome.error ? Status::failed : Status::completed;
}

Task<> Run::run_all() {
  const bool loaded = co_await load_all();
  if (!loaded) co_return;
  const Units& all = state_.units(std::nullopt);
  bool ran = co_await walk_.run(all);
  if (ran) ran = co_await walk_.finish();
  if (walk_.is_load_failed() || walk_.is_lost() || state_.cancelled) co_return;
  learn();
  if (state_.outcome.status == Status::running && !walk_.is_refused()) co_await walk_.hand_over(all);
}

void Run::learn() {
  if (state_.plan.sandboxes.size() != 1 || has_values()) return;
  if (state_.described_bytes > 0 && state_.described_bytes <= kMostRemembered)
    experience_.signatures.remember(key(), state_.known);
  experience_.pace.remember(key(), state_.pace);
}

const std::string& Run::key() {
  if (key_.empty()) key_ = check::Signatures::key_of(state_.plan);
  return key_;
}

// All modules first: one that does not parse, or cannot be imported, shows before any node has run. The calls go along
// when their functions are known from an earlier execution, otherwise once the modules have been described. False:
// nothing can be called.
Task<bool> Run::load_all() {
  const bool alone = state_.plan.sandboxes.size() == 1 && !has_values();
  const check::Signatures::Known* remembered = alone ? experience_.signatures.find(key()) : nullptr;
  if (remembered != nullptr) state_.known = *remembered;
  if (const Pace::Known* pace = alone ? experience_.pace.find(key()) : nullptr) state_.pace = *pace;
  for (std::size_t group = 0; group < state_.plan.sandboxes.size(); ++group) {
    Lane& lane = *co_await open_lane(group);
    if (state_.cancelled) co_return false;
    add_loads(lane, group);
    if (remembered != nullptr) continue;
    const bool loaded = co_await walk_.serve(lane, 0);
    if (!loaded) co_return false;
  }
  // A step that does not run takes what it is given.
  for (std::size_t i = 0; i < state_.plan.steps.size(); ++i)
    if (state_.order.gives(i)) state_.known.functions[i].var_keyword = true;
  if (state_.order.resumed) {
    walk_.resume(*state_.order.resumed);
    co_return true;  // it has been looked at
  }
  co_return inputs_fit() && types_fit();
}

json::object Run::facts() const {
  return {{"id", state_.order.execution_id},
          {"workflow", state_.order.workflow_name.empty() ? state_.plan.name : state_.order.workflow_name},
          {"mode", state_.order.mode},
          {"started", now_us()},
          {"resume_url", state_.order.resume_url}};
}

void Run::add_loads(Lane& lane, std::size_t group) {
  for (const auto& [name, source] : state_.plan.modules) lane.module(name, source);
  if (state_.order.given)
    for (const auto& [name, file] : state_.order.given->files) lane.file(file.name, file.bytes);
  if (const std::string news = state_.state.news(lane.channel()); !news.empty()) lane.state(news);
  const json::object execution = facts();
  bool first = true;
  for (std::size_t i = 0; i < state_.plan.steps.size(); ++i) {
    if (state_.plan.steps[i].group != group || state_.order.gives(i)) continue;
    lane.load(i, state_.plan.steps[i], std::exchange(first, false) ? &execution : nullptr);
    if (state_.live) state_.live->asked(group, load_id(i), i);
  }
}

// Before anything is called: inputs that nothing takes; texts and files of the command line become what the parameters
// ask for.
bool Run::inputs_fit() {
  std::vector<const schema::Function*> functions;
  for (const schema::Function& one : state_.known.functions) functions.push_back(&one);
  try {
    if (state_.order.input)
      flow::require_known_inputs(state_.plan, functions, *state_.order.input, state_.order.input_rules);
    if (state_.order.input && state_.order.given)
      state_.settled_input = flow::settled_input(state_.plan, functions, *state_.order.input, *state_.order.given);
  } catch (const Fault& fault) {
    const auto entry = std::find_if(state_.plan.steps.begin(), state_.plan.steps.end(), flow::is_entry);
    walk_.refuse_call(static_cast<std::size_t>(entry - state_.plan.steps.begin()),
                      {"InvalidInput", fault.message, "", std::nullopt, Cause::not_run});
    return false;
  }
  return true;
}

// Before anything is called: wrong connections, and literals that their parameters do not take.
bool Run::types_fit() {
  std::vector<check::StepTypes> types(state_.plan.steps.size());
  bool typed = false;
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i] = {&state_.known.types[i], &state_.known.classes[i]};
    for (const auto& port : state_.known.types[i].inputs) typed = typed || port.type.kind != schema::Type::Kind::any;
    typed = typed || !state_.plan.steps[i].node.port_types.empty();
  }
  if (!typed) return true;
  check::Look look;
  look.with_input = true;
  look.input = state_.input() ? &*state_.input() : nullptr;
  look.suggestions = false;
  for (std::size_t i = 0; i < state_.plan.steps.size(); ++i)
    if (state_.order.gives(i)) look.pinned.insert(i);
  look.types_only = true;
  std::size_t errors = 0;
  const check::Finding* first = nullptr;
  const std::vector<check::Finding> findings = check::check_types(state_.plan, types, *state_.catalog, look);
  const auto step_of = [&](const check::Finding& finding) {
    const auto at = std::find_if(state_.plan.steps.begin(), state_.plan.steps.end(),
                                 [&](const flow::Step& step) { return step.node.id == finding.node_id; });
    return static_cast<std::size_t>(at - state_.plan.steps.begin());
  };
  for (const check::Finding& finding : findings) {
    if (finding.severity == check::Finding::Severity::error) {
      if (errors++ == 0) first = &finding;
    } else if (const std::size_t step = step_of(finding);
               step < state_.outcome.steps.size() && state_.outcome.steps[step].warnings.size() < kMostTypeWarnings) {
      state_.outcome.steps[step].warnings.push_back(state_.kept.keep(finding.message));
    }
  }
  if (first == nullptr) return true;
  const std::string more = errors > 1 ? fmt::format(" (and {} more; `qflow check` lists them)", errors - 1) : "";
  const char* type = first->code == "incompatible_types" ? "IncompatibleTypes" : "InvalidInput";
  walk_.refuse_call(step_of(*first), {type, state_.kept.keep(first->message + more), "", std::nullopt, Cause::not_run});
  return false;
}

}  // namespace qflow::engine
