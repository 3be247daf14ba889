// The part of Walk that applies answers to steps, and ends steps.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "daemon/base/processors.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/engine/walk.hpp"
#include "daemon/flow/sandbox_request.hpp"
#include "schema/text/module_name.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/typing/json_check.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostDenied = 16;    // different acts of one step
constexpr std::size_t kMostWarnings = 10;  // of one answer

std::int64_t output_bytes(const StepRun& run) {
  return static_cast<std::int64_t>(run.standard_output.text.size() + run.standard_output.dropped +
                                   run.standard_error.text.size() + run.standard_error.dropped);
}

}  // namespace

void Walk::begin_step(Lane& lane, const LaneRequest& request) {
  if (!request.load() && !request.call()) return;
  if (noting_ == request.step) return;
  if (request.again) return;  // the loop has begun with its first round
  if (const auto round = rounds_.extract(request.round)) steps_[request.step] = std::move(round.mapped());
  StepRun& run = steps_[request.step];
  run.begun = Clock::now();
  if (request.load()) return;
  run_.begun = true;
  run.branch = branch_;
  run.order = run_.next_order++;
  run.count = run_.outcome.runs[request.step];
  run.status = Status::running;
  run.started_at = now_us();
  if (run_.observer) run_.observer(request.step, run);
  if (run_.live) run_.live->begin(lane.channel(), request.step);
}

// Of several calls of a step that have not been answered, only the last says where it stands.
void Walk::set_state(std::size_t step, State state) {
  if (unanswered_[step] == 0) state_[step] = state;
}

void Walk::take_answer(Lane& lane, LaneAnswer answer) {
  const std::size_t step = answer.to.step;
  if (const auto* branched = std::get_if<schema::Branched>(&answer.what)) {
    if (branched->error != 0) fork_errors_[step] = branched->error;
    return;
  }
  if (answer.to.call() && noting_ != step && unanswered_[step] > 0) --unanswered_[step];
  collect_output(lane, answer.to);
  if (const auto* moved = std::get_if<schema::Moved>(&answer.what)) {
    moved_bytes_ = moved->bytes;
    return;
  }
  if (!answer.to.load() && !answer.to.call()) {
    if (const auto* problem = std::get_if<schema::Raised>(&answer.what)) not_moved_ = *problem;
    return;
  }
  if (const auto* raised = std::get_if<schema::Raised>(&answer.what)) {
    take_raised(lane, answer.to, *raised);
  } else if (const auto* loaded = std::get_if<schema::Loaded>(&answer.what)) {
    run_.described_bytes += answer.bytes;
    take_loaded(step, *loaded);
  } else if (auto* result = std::get_if<schema::Result>(&answer.what)) {
    schema::Result taken = std::move(*result);
    take_result(lane, answer, std::move(taken));
  } else {
    take_skipped(lane, answer);
  }
}

void Walk::take_loaded(std::size_t step, const schema::Loaded& loaded) {
  const auto chosen = std::find_if(loaded.functions.begin(), loaded.functions.end(),
                                   [&](const auto& f) { return f.name == loaded.function; });
  if (run_.known.functions[step].name.empty()) {  // not remembered
    run_.known.types[step] = schema::function_of(*chosen);
    if (loaded.classes) run_.known.classes[step] = schema::classes_from_json(*loaded.classes);
  }
  run_.known.functions[step] = *chosen;
  if (const auto& begun = steps_[step].begun) steps_[step].load_ms = milliseconds_since(*begun);
  steps_[step].begun.reset();
  for (std::size_t i = 0; i < loaded.warnings.size() && i < kMostWarnings; ++i)
    steps_[step].warnings.push_back(run_.kept.keep(loaded.warnings[i]));
}

// A loop goes on, or is over. True: it goes on. A loop that ends, although it has said that there were more rounds, has
// broken the protocol.
bool Walk::take_round(Lane& lane, const LaneAnswer& answer, const schema::Result& result) {
  const std::size_t step = answer.to.step;
  const bool goes_on = result.live->back() == 1;
  if (answer.to.at) {
    if (result.live->size() != 1 || goes_on != (*answer.to.at >= 0)) {
      lane.reject(answer, "a loop that does not go where it was sent");
      return true;
    }
    if (goes_on) set_state(step, State::again);
    return goes_on || share_of_ == step;
  }
  std::uint64_t& rounds = rounds_of_[step];
  rounds = (answer.to.again ? rounds : 0) + 1;
  if (goes_on && rounds > most_rounds(step)) {
    lane.reject(answer, "a loop of more rounds than it may have");
    return true;
  }
  if (result.live->size() != 1 || (!goes_on && unanswered_[step] > 0)) {
    lane.reject(answer, "a loop that ends before it said it would");
    return true;
  }
  if (!goes_on) return false;
  rounds_left_ = run_.plan.steps[step].node.control == flow::Control::for_each
                     ? std::min(result.left.value_or(0), most_rounds(step))
                     : 0;
  set_state(step, State::again);
  forget_given(step);
  steps_[step].result = result;  // what other sandboxes are given
  return true;
}

void Walk::take_result(Lane& lane, const LaneAnswer& answer, schema::Result result) {
  const std::size_t step = answer.to.step;
  if (flow::is_loop(run_.plan.steps[step].node.control) && take_round(lane, answer, result)) return;
  if (result.heavy.value_or(false)) run_.pace.heavy[step] = true;
  if (result.live) taken_[step] = *result.live;
  set_state(step, State::live);
  erred_[step] = false;
  forget_given(step);
  result.type = run_.kept.keep(result.type);
  StepRun& run = steps_[step];
  run.usage = bounded(result.used, step);
  for (std::size_t i = 0; i < result.warnings.size() && i < kMostWarnings; ++i)
    run.warnings.push_back(run_.kept.keep(result.warnings[i]));
  run.result = std::move(result);
  if (calling_ == step) return;  // the other workflow is still to run
  if (!take_response(step)) return;
  if (check_custom_type(step) && take_state(lane, step)) end_step(step, Status::completed);
}

// A type that a user defined by JSON Schema can only be checked here, where the schema is, and only on a value that
// JSON says whole. False: the step has failed for it.
bool Walk::check_custom_type(std::size_t step) {
  const StepRun& run = steps_[step];
  if (run_.plan.types == flow::TypeChecks::off || !run.result->exact || run.result->truncated) return true;
  const std::string declared = run_.plan.steps[step].node.whole_output_type();
  const std::string name =
      declared.empty() ? run_.catalog->documented(run_.known.types[step].output.type, run_.known.classes[step]).name
                       : declared;
  const typing::CustomType* type = run_.catalog->find(name);
  if (type == nullptr || type->schema.empty()) return true;
  std::string error;
  const schema::Problems problems =
      schema::check_json(schema::parse_json(run.result->preview, error, 200), type->schema);
  if (problems.empty()) return true;
  const auto& [pointer, what] = problems.front();
  const std::string text = run_.kept.keep(
      fmt::format("output: is not of type {}: {}{}{}", name, pointer, pointer.empty() ? "" : ": ", what));
  if (run_.plan.types != flow::TypeChecks::strict && !pointer.empty()) {
    steps_[step].warnings.push_back(text);
    return true;
  }
  fail_for_good(step, {"TypeMismatch", text, "", std::nullopt, Cause::raised});
  return false;
}

// A MemoryError counts as the memory limit, an OSError with the errno that the last refused call was answered with as a
// denial, a fork that fails while all processes are taken as the process limit. A node that raises these itself is
// recorded in the same way: it is its own record.
Cause Walk::cause_of(Lane& lane, std::size_t step, const schema::Raised& raised) const {
  if (raised.phase == "bind") return Cause::not_run;
  if (raised.type == "MemoryError") return Cause::memory_limit;
  const int error = raised.error.value_or(0);
  if (const auto& denied = steps_[step].denied; !denied.empty()) {
    const bool socket = denied.back().act.starts_with("socket(");
    // Negative: socket.gaierror, whose numbers are getaddrinfo(3)'s.
    if (socket ? error == EACCES || error < 0 : error == EPERM) return Cause::denied;
  }
  const bool forked = error == EAGAIN || (raised.type == "RuntimeError" && raised.message == "can't start new thread");
  return forked && lane.at_process_limit() ? Cause::process_limit : Cause::raised;
}

namespace {

// "[Errno 2] No such file or directory: '/home/me/in.csv'": a path that can only be the host's.
bool names_host_file(const std::string& message) {
  const auto quote = message.find('\'');
  const std::string_view path = quote == std::string::npos ? "" : std::string_view(message).substr(quote + 1);
  for (const char* own : {"/tmp", "/node", "/dev", "/proc"})
    if (path.starts_with(own)) return false;
  return !path.empty();
}

}  // namespace

// "No module named 'nodes.read'": a node that runs in another sandbox.
std::string Walk::elsewhere(std::size_t step, const std::string& message) const {
  for (const flow::Step& other : run_.plan.steps)
    if (other.group != run_.plan.steps[step].group &&
        message == fmt::format("No module named 'nodes.{}'", schema::module_name(other.file)))
      return fmt::format(
          ": node \"{}\" runs in another sandbox, and only JSON values pass between sandboxes; give both the "
          "same sandbox, or put the class into a module beside the flow",
          other.node.name);
  return {};
}

void Walk::take_raised(Lane& lane, const LaneRequest& to, const schema::Raised& raised) {
  const std::size_t step = to.step;
  if (noting_ == step) return keep_error_value(step, raised);
  steps_[step].usage = bounded(raised.used, step);
  const Cause cause = cause_of(lane, step, raised);
  std::string message = run_.kept.keep(raised.message);
  if (raised.type == "MemoryError")
    message += fmt::format("{}its limit is {} (sandbox.memory, up to the installation's --memory)",
                           message.empty() ? "" : "; ", flow::size_text(lane.limits().memory));
  if (raised.type == "FileNotFoundError" && cause == Cause::raised && names_host_file(raised.message))
    message +=
        "; a node sees no files of the host: give it with -i NAME=@FILE, or show its directory with --share (code of "
        "its own comes by \"file\" in the node, modules lie beside the flow)";
  if (cause == Cause::process_limit)
    message += fmt::format(
        "; its limit is {} processes and threads (sandbox.processes, up to the installation's "
        "--processes)",
        lane.limits().processes);
  if (const int error = raised.error.value_or(0); error == EFBIG || error == ENOSPC)
    message += fmt::format("; /tmp and /node hold {} each (sandbox.tmp, up to the installation's --tmp)",
                           flow::size_text(lane.limits().tmp));
  if (raised.type == "ModuleNotFoundError") message += elsewhere(step, raised.message);
  if (cause == Cause::denied) {
    const sandbox::Denial& last = steps_[step].denied.back();
    message += fmt::format(" [denied: {}: {}]", last.act, last.reason);
  }
  NodeError error{std::string(cut_utf8(raised.type, 200)), std::move(message), run_.kept.keep(raised.traceback),
                  raised.line, cause};
  if (to.load()) return fail_for_good(step, std::move(error));  // nothing is to run
  keep_error_value(step, raised);
  fail_step(step, std::move(error));
}

// The error as the value that others take.
void Walk::keep_error_value(std::size_t step, const schema::Raised& raised) {
  forget_given(step);
  if (!raised.preview || run_.plan.steps[step].node.on_error == flow::OnError::stop) return;
  schema::Result value;
  value.type = "dict";
  value.preview = *raised.preview;
  value.exact = raised.exact.value_or(false);
  value.truncated = raised.truncated.value_or(false);
  steps_[step].result = std::move(value);
}

// Only for want of a value that was promised and has been lost since.
void Walk::take_skipped(Lane& lane, const LaneAnswer& answer) {
  const std::size_t step = answer.to.step;
  const auto& sources = run_.plan.steps[step].sources;
  const bool due = std::any_of(sources.begin(), sources.end(), [&](const flow::Source& source) {
    return source.step && source.closes == answer.to.again && state_[*source.step] == State::lost;
  });
  if (!due) return lane.reject(answer, "it skipped a call that had its inputs");
  set_state(step, State::lost);
  if (answer.to.again) return;  // the loop ends when its round does
  steps_[step].reason = "what it takes has failed";
  end_step(step, Status::skipped);
}

void Walk::collect_output(Lane& lane, const LaneRequest& request) {
  if (request.what == LaneRequest::What::branch) return;
  if (!request.load() && !request.call()) {  // of what pickles values
    lane.take_output(request, false);
    lane.take_output(request, true);
    return;
  }
  StepRun& run = steps_[request.step];
  for (const bool standard_error : {false, true}) {
    const workers::Captured part = lane.take_output(request, standard_error);
    for (const sandbox::DeniedCall& call : part.denied) {
      sandbox::Denial denial = sandbox::explain(call);
      const bool known = std::find(run.denied.begin(), run.denied.end(), denial) != run.denied.end();
      if (!known && run.denied.size() < kMostDenied) run.denied.push_back(std::move(denial));
    }
    run_.kept.keep_output(standard_error ? run.standard_error : run.standard_output, part,
                          run_.pool.settings().output_bytes);
  }
}

// The worker is gone, or has to go: the step it was at is the one that failed. One that was ended with the execution,
// or with the worker that it is a branch of, tells nothing.
Task<> Walk::explain_loss() {
  if (lost_ == nullptr || run_.cancelled || explained_) co_return;
  Lane& lane = *lost_;
  if (run_.expired ? lane.expected() == 0 : lane.was_cancelled()) co_return;
  const LaneRequest at = lane.lost_at();
  const std::size_t step = at.what == LaneRequest::What::branch ? last_asked_ : at.step;
  explained_ = true;
  NodeError error = co_await lane.why_lost();
  if (run_.expired) error = NodeError{"TimedOut", expired_text(*run_.plan.timeout), "", std::nullopt, Cause::timed_out};
  if (lane.expected() > 0) collect_output(lane, at);
  if (!run_.order.execution_id.empty()) steps_[step].usage = remaining_usage(lane, step);
  run_.outcome.status = Status::failed;
  fail_step(step, std::move(error));
}

void Walk::end_step(std::size_t step, Status status) {
  StepRun& run = steps_[step];
  run.status = status;
  run.branch = branch_;
  if (const auto said = to_say_.extract(step); said && status != Status::skipped)
    run.warnings.push_back(run_.kept.keep(said.mapped()));
  run.duration_ms = run.begun ? milliseconds_since(*run.begun) : 0;
  const bool ended = run.completed_at != 0;  // what it handed over was found wrong afterwards
  run.completed_at = now_us();
  if (run.started_at == 0) run.started_at = run.completed_at - static_cast<std::int64_t>(run.duration_ms * 1000);
  if (!ended) run_.count_run(step, run);
  // Of a call, the time in the worker, as it says: the rest is ours.
  if (status == Status::completed && run.result)
    run_.pace.note(step, run_.plan.steps[step].body_end > 0
                             ? run.duration_ms
                             : std::min(run.duration_ms, static_cast<double>(run.result->duration_us) / 1000));
  if (Lane* const lane = lanes_[run_.plan.steps[step].group]; run_.live && lane != nullptr)
    run_.live->end(lane->channel(), step);
  if (run_.observer) run_.observer(step, run);
}

void Walk::fail_step(std::size_t step, NodeError error) {
  to_retry_ = trying_ == step && lost_ == nullptr && !for_good_ && may_end_differently(step, error);
  erred_[step] = !to_retry_ && lost_ == nullptr && !for_good_ &&
                 run_.plan.steps[step].node.on_error != flow::OnError::stop && error.cause != Cause::not_run;
  state_[step] = erred_[step] ? State::live : State::lost;
  if (!error_ && !to_retry_ && !erred_[step] && (lost_ != nullptr || !is_collected(step))) {
    error_ = error;
    failed_step_ = step;
  }
  steps_[step].error = std::move(error);
  end_step(step, Status::failed);
}

// A worker's own figures are kept within what can be: none negative, no more time than there was on all processors.
workers::Usage Walk::bounded(const schema::Used& used, std::size_t step) const {
  const auto between = [](std::int64_t value, std::int64_t most) { return std::clamp<std::int64_t>(value, 0, most); };
  const auto& sandbox = run_.plan.sandboxes[run_.plan.steps[step].group];
  const StepRun& run = steps_[step];
  const auto wall = static_cast<std::int64_t>(run.begun ? milliseconds_since(*run.begun) * 1000 : 0);
  const std::int64_t most = (wall + 10'000) * processors();
  constexpr std::int64_t kMany = 1LL << 40U;
  workers::Usage out;
  out.user_us = between(used.user_us, most);
  out.system_us = between(used.system_us, most);
  out.peak_memory_bytes =
      between(between(used.peak_rss_kib, kMany) * 1024, 4 * static_cast<std::int64_t>(sandbox.limits.memory));
  out.minor_faults = between(used.minor_faults, kMany);
  out.major_faults = between(used.major_faults, kMany);
  out.written_bytes =
      between(used.written_bytes, 3 * static_cast<std::int64_t>(sandbox.limits.tmp)) + output_bytes(run);
  return out;
}

// The use of a step that did not live to report it: its worker's in all, less that of the steps before it.
workers::Usage Walk::remaining_usage(const Lane& lane, std::size_t step) const {
  workers::Usage rest = lane.usage();
  const auto less = [](std::int64_t& from, std::int64_t part) { from = std::max<std::int64_t>(0, from - part); };
  for (std::size_t i = 0; i < run_.plan.steps.size(); ++i) {
    if (i == step || run_.plan.steps[i].group != run_.plan.steps[step].group) continue;
    const workers::Usage& other = steps_[i].usage;
    less(rest.user_us, other.user_us);
    less(rest.system_us, other.system_us);
    less(rest.minor_faults, other.minor_faults);
    less(rest.major_faults, other.major_faults);
  }
  rest.written_bytes = output_bytes(steps_[step]);
  return rest;
}

}  // namespace qflow::engine
