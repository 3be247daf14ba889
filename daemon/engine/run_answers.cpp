// The half of Run that applies answers to steps and ends steps.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/engine/run.hpp"
#include "daemon/flow/sandbox_request.hpp"
#include "schema/text/module_name.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/typing/json_schema.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostDenied = 16;    // different acts of one step
constexpr std::size_t kMostWarnings = 10;  // of one answer

std::int64_t output_bytes(const StepRun& run) {
  return static_cast<std::int64_t>(run.standard_output.text.size() + run.standard_output.dropped +
                                   run.standard_error.text.size() + run.standard_error.dropped);
}

}  // namespace

void Run::begin_step(const LaneRequest& request) {
  if (request.again) return;  // the loop has begun with its first round
  if (const auto round = rounds_.extract(request.round)) outcome_.steps[request.step] = std::move(round.mapped());
  StepRun& run = outcome_.steps[request.step];
  run.begun = Clock::now();
  if (request.load) return;
  begun_ = true;
  run.order = next_order_++;
  run.count = outcome_.runs[request.step];
  run.status = Status::running;
  run.started_at = now_us();
  if (observer_) observer_(request.step, run);
  if (live_) live_->begin(request.step);
}

// Of several calls of a step that have not been answered, only the last says where it stands.
void Run::set_state(std::size_t step, State state) {
  if (unanswered_[step] == 0) state_[step] = state;
}

void Run::take_answer(Lane& lane, LaneAnswer answer) {
  const std::size_t step = answer.to.step;
  if (!answer.to.load && unanswered_[step] > 0) --unanswered_[step];
  collect_output(lane, answer.to);
  if (const auto* raised = std::get_if<schema::Raised>(&answer.what)) {
    take_raised(lane, answer.to, *raised);
  } else if (const auto* loaded = std::get_if<schema::Loaded>(&answer.what)) {
    described_bytes_ += answer.bytes;
    take_loaded(step, *loaded);
  } else if (auto* result = std::get_if<schema::Result>(&answer.what)) {
    schema::Result taken = std::move(*result);
    take_result(lane, answer, std::move(taken));
  } else {
    take_skipped(lane, answer);
  }
}

void Run::take_loaded(std::size_t step, const schema::Loaded& loaded) {
  const auto chosen = std::find_if(loaded.functions.begin(), loaded.functions.end(),
                                   [&](const auto& f) { return f.name == loaded.function; });
  if (known_.functions[step].name.empty()) {  // not remembered
    known_.types[step] = schema::function_of(*chosen);
    if (loaded.classes) known_.classes[step] = schema::classes_from_json(*loaded.classes);
  }
  known_.functions[step] = *chosen;
  if (const auto& begun = outcome_.steps[step].begun) outcome_.steps[step].load_ms = milliseconds_since(*begun);
  outcome_.steps[step].begun.reset();
  for (std::size_t i = 0; i < loaded.warnings.size() && i < kMostWarnings; ++i)
    outcome_.steps[step].warnings.push_back(kept_.keep(loaded.warnings[i]));
}

// As its parameters say, or by default; the worker has refused more.
std::uint64_t Run::most_rounds(std::size_t loop) const {
  const flow::Node& node = plan_.steps[loop].node;
  const bool each = node.control == flow::Control::for_each;
  const json::value* given = node.control_parameters.if_contains(each ? "max_items" : "max_iterations");
  return given != nullptr && given->is_number() ? given->to_number<std::uint64_t>() : each ? 1'000'000 : 1000;
}

// A loop goes on, or is over. True: it goes on. A loop that ends, although it has said that there were more rounds, has
// broken the protocol.
bool Run::take_round(Lane& lane, const LaneAnswer& answer, const schema::Result& result) {
  const std::size_t step = answer.to.step;
  const bool goes_on = result.live->back() == 1;
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
  rounds_left_ = plan_.steps[step].node.control == flow::Control::for_each
                     ? std::min(result.left.value_or(0), most_rounds(step))
                     : 0;
  set_state(step, State::again);
  forget_given(step);
  outcome_.steps[step].result = result;  // what other sandboxes are given
  return true;
}

void Run::take_result(Lane& lane, const LaneAnswer& answer, schema::Result result) {
  const std::size_t step = answer.to.step;
  if (flow::is_loop(plan_.steps[step].node.control) && take_round(lane, answer, result)) return;
  if (result.live) taken_[step] = *result.live;
  set_state(step, State::live);
  erred_[step] = false;
  forget_given(step);
  result.type = kept_.keep(result.type);
  StepRun& run = outcome_.steps[step];
  run.usage = bounded(result.used, step);
  for (std::size_t i = 0; i < result.warnings.size() && i < kMostWarnings; ++i)
    run.warnings.push_back(kept_.keep(result.warnings[i]));
  run.result = std::move(result);
  if (check_custom_type(step)) end_step(step, Status::completed);
}

// A type that a user defined by JSON Schema can only be checked here, where the schema is, and only on a value that
// JSON says whole. False: the step has failed for it.
bool Run::check_custom_type(std::size_t step) {
  const StepRun& run = outcome_.steps[step];
  if (plan_.types == flow::TypeChecks::off || !run.result->exact || run.result->truncated) return true;
  const std::string declared = plan_.steps[step].node.whole_output_type();
  const std::string name =
      declared.empty() ? catalog_->documented(known_.types[step].output.type, known_.classes[step]).name : declared;
  const typing::CustomType* type = catalog_->find(name);
  if (type == nullptr || type->schema.empty()) return true;
  std::string error;
  const schema::Problems problems =
      schema::check_json(schema::parse_json(run.result->preview, error, 200), type->schema);
  if (problems.empty()) return true;
  const auto& [pointer, what] = problems.front();
  const std::string text =
      kept_.keep(fmt::format("output: is not of type {}: {}{}{}", name, pointer, pointer.empty() ? "" : ": ", what));
  if (plan_.types != flow::TypeChecks::strict && !pointer.empty()) {
    outcome_.steps[step].warnings.push_back(text);
    return true;
  }
  fail_for_good(step, {"TypeMismatch", text, "", std::nullopt, Cause::raised});
  return false;
}

// A MemoryError counts as the memory limit, an OSError with the errno that the last refused call was answered with as a
// denial, a fork that fails while all processes are taken as the process limit. A node that raises these itself is
// recorded in the same way: it is its own record.
Cause Run::cause_of(Lane& lane, std::size_t step, const schema::Raised& raised) const {
  if (raised.phase == "bind") return Cause::not_run;
  if (raised.type == "MemoryError") return Cause::memory_limit;
  const int error = raised.error.value_or(0);
  if (const auto& denied = outcome_.steps[step].denied; !denied.empty()) {
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
std::string Run::elsewhere(std::size_t step, const std::string& message) const {
  for (const flow::Step& other : plan_.steps)
    if (other.group != plan_.steps[step].group &&
        message == fmt::format("No module named 'nodes.{}'", schema::module_name(other.file)))
      return fmt::format(
          ": node \"{}\" runs in another sandbox, and only JSON values pass between sandboxes; give both the "
          "same sandbox, or put the class into a module beside the flow",
          other.node.name);
  return {};
}

void Run::take_raised(Lane& lane, const LaneRequest& to, const schema::Raised& raised) {
  const std::size_t step = to.step;
  outcome_.steps[step].usage = bounded(raised.used, step);
  const Cause cause = cause_of(lane, step, raised);
  std::string message = kept_.keep(raised.message);
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
    const sandbox::Denial& last = outcome_.steps[step].denied.back();
    message += fmt::format(" [denied: {}: {}]", last.act, last.reason);
  }
  NodeError error{std::string(cut_utf8(raised.type, 200)), std::move(message), kept_.keep(raised.traceback),
                  raised.line, cause};
  if (to.load) return fail_for_good(step, std::move(error));  // nothing is to run
  if (raised.preview && plan_.steps[step].node.on_error != flow::OnError::stop) {
    schema::Result kept;  // the error as the value that others take
    kept.type = "dict";
    kept.preview = *raised.preview;
    kept.exact = raised.exact.value_or(false);
    kept.truncated = raised.truncated.value_or(false);
    outcome_.steps[step].result = std::move(kept);
  }
  forget_given(step);
  fail_step(step, std::move(error));
}

// Only for want of a value that was promised and has been lost since.
void Run::take_skipped(Lane& lane, const LaneAnswer& answer) {
  const std::size_t step = answer.to.step;
  const auto& sources = plan_.steps[step].sources;
  const bool due = std::any_of(sources.begin(), sources.end(), [&](const flow::Source& source) {
    return source.step && source.closes == answer.to.again && state_[*source.step] == State::lost;
  });
  if (!due) return lane.reject(answer, "it skipped a call that had its inputs");
  set_state(step, State::lost);
  if (answer.to.again) return;  // the loop ends when its round does
  outcome_.steps[step].reason = "what it takes has failed";
  end_step(step, Status::skipped);
}

void Run::collect_output(Lane& lane, const LaneRequest& request) {
  StepRun& run = outcome_.steps[request.step];
  for (const bool standard_error : {false, true}) {
    const workers::Captured part = lane.take_output(request, standard_error);
    for (const sandbox::DeniedCall& call : part.denied) {
      sandbox::Denial denial = sandbox::explain(call);
      const bool known = std::find(run.denied.begin(), run.denied.end(), denial) != run.denied.end();
      if (!known && run.denied.size() < kMostDenied) run.denied.push_back(std::move(denial));
    }
    kept_.keep_output(standard_error ? run.standard_error : run.standard_output, part, pool_.settings().output_bytes);
  }
}

// The worker is gone, or has to go: the step it was at is the one that failed.
Task<> Run::explain_loss(Lane& lane) {
  if (cancelled_) co_return;
  const LaneRequest at = lane.lost_at();
  NodeError error = co_await lane.why_lost();
  if (expired_) error = NodeError{"TimedOut", expired_text(*plan_.timeout), "", std::nullopt, Cause::timed_out};
  if (lane.expected() > 0) collect_output(lane, at);
  if (!order_.execution_id.empty()) outcome_.steps[at.step].usage = remaining_usage(lane, at.step);
  outcome_.status = Status::failed;
  fail_step(at.step, std::move(error));
}

namespace {

// Of the row of a run, about.
std::int64_t bytes_of(const StepRun& run) {
  std::size_t all = run.standard_output.text.size() + run.standard_error.text.size();
  if (run.result) all += run.result->preview.size();
  if (run.error) all += run.error->message.size() + run.error->traceback.size();
  return static_cast<std::int64_t>(all);
}

}  // namespace

// Which row the run gets, and which one it takes the place of.
void Run::count_run(std::size_t step) {
  StepRun& run = outcome_.steps[step];
  run.count = outcome_.runs[step]++;
  if (run.order < 0) run.order = next_order_++;
  ++outcome_.rows;
  outcome_.row_bytes += bytes_of(run);
  if (!plan_.steps[step].loop) return;
  std::deque<std::int64_t>& latest = latest_[step];
  latest.push_back(run.status == Status::failed ? -1 : run.order);
  if (latest.size() <= static_cast<std::size_t>(kKeptRuns)) return;
  if (run.count >= kFirstRuns && latest.front() >= 0) {
    run.replaces = latest.front();
    --outcome_.rows;
    outcome_.row_bytes -= bytes_of(run);  // about what goes with the other row
  }
  latest.pop_front();
}

void Run::end_step(std::size_t step, Status status) {
  StepRun& run = outcome_.steps[step];
  run.status = status;
  run.duration_ms = run.begun ? milliseconds_since(*run.begun) : 0;
  const bool ended = run.completed_at != 0;  // what it handed over was found wrong afterwards
  run.completed_at = now_us();
  if (run.started_at == 0) run.started_at = run.completed_at - static_cast<std::int64_t>(run.duration_ms * 1000);
  if (!ended) count_run(step);
  if (live_) live_->end(step);
  if (observer_) observer_(step, run);
}

// Whether the loop goes on when a round fails, with the error in the place of its result.
bool Run::collects(std::size_t loop) const {
  const json::value* how = plan_.steps[loop].node.control_parameters.if_contains("on_error");
  return how != nullptr && how->is_string() && how->get_string() == "collect";
}

bool Run::is_collected(std::size_t step) const {
  for (std::optional<std::size_t> loop = plan_.steps[step].loop; loop; loop = plan_.steps[*loop].loop)
    if (collects(*loop)) return true;
  return false;
}

void Run::fail_step(std::size_t step, NodeError error) {
  to_retry_ = trying_ == step && lost_ == nullptr && !for_good_ && may_end_differently(step, error);
  erred_[step] = !to_retry_ && lost_ == nullptr && !for_good_ &&
                 plan_.steps[step].node.on_error != flow::OnError::stop && error.cause != Cause::not_run;
  state_[step] = erred_[step] ? State::live : State::lost;
  if (!outcome_.error && !to_retry_ && !erred_[step] && (lost_ != nullptr || !is_collected(step))) {
    outcome_.error = error;
    outcome_.failed_step = step;
  }
  outcome_.steps[step].error = std::move(error);
  end_step(step, Status::failed);
}

workers::Usage Run::usage() const {
  workers::Usage sum;
  for (const auto& lane : lanes_) {
    if (!lane) continue;
    const workers::Usage one = lane->usage();
    sum.user_us += one.user_us;
    sum.system_us += one.system_us;
    sum.minor_faults += one.minor_faults;
    sum.major_faults += one.major_faults;
    sum.peak_memory_bytes = std::max(sum.peak_memory_bytes, one.peak_memory_bytes);
  }
  for (const StepRun& step : outcome_.steps) sum.written_bytes += step.usage.written_bytes;
  return sum;
}

// A worker's own figures are kept within what can be: none negative, no more time than there was on all processors.
workers::Usage Run::bounded(const schema::Used& used, std::size_t step) const {
  const auto between = [](std::int64_t value, std::int64_t most) { return std::clamp<std::int64_t>(value, 0, most); };
  const auto& sandbox = plan_.sandboxes[plan_.steps[step].group];
  const StepRun& run = outcome_.steps[step];
  const auto wall = static_cast<std::int64_t>(run.begun ? milliseconds_since(*run.begun) * 1000 : 0);
  const std::int64_t most = (wall + 10'000) * std::max(1U, std::thread::hardware_concurrency());
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
workers::Usage Run::remaining_usage(const Lane& lane, std::size_t step) const {
  workers::Usage rest = lane.usage();
  const auto less = [](std::int64_t& from, std::int64_t part) { from = std::max<std::int64_t>(0, from - part); };
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (i == step || plan_.steps[i].group != plan_.steps[step].group) continue;
    const workers::Usage& other = outcome_.steps[i].usage;
    less(rest.user_us, other.user_us);
    less(rest.system_us, other.system_us);
    less(rest.minor_faults, other.minor_faults);
    less(rest.major_faults, other.major_faults);
  }
  rest.written_bytes = output_bytes(outcome_.steps[step]);
  return rest;
}

}  // namespace qflow::engine
