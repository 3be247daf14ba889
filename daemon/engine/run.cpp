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

Run::Run(workers::Pool& pool, check::Signatures& signatures, const Order& order, StepObserver observer)
    : pool_(pool),
      signatures_(signatures),
      order_(order),
      plan_(order.plan),
      observer_(std::move(observer)),
      catalog_(order.catalog ? order.catalog : std::make_shared<const typing::Catalog>()),
      lanes_(plan_.sandboxes.size()),
      entries_(entry_count(plan_)) {
  const std::size_t steps = plan_.steps.size();
  outcome_.steps.resize(steps);
  known_.functions.resize(steps);
  known_.types.resize(steps);
  known_.classes.resize(steps);
  outcome_.runs.resize(steps, 0);
  state_.resize(steps, State::pending);
  unanswered_.resize(steps, 0);
  taken_.resize(steps);
  erred_.resize(steps, false);
}

void Run::cancel() {
  cancelled_ = true;
  for (const auto& lane : lanes_)
    if (lane) lane->kill(workers::End::cancelled);
}

Task<Lane*> Run::open_lane(std::size_t group) {
  if (!lanes_[group]) {
    workers::Lease worker =
        co_await pool_.acquire(plan_.python, plan_.environment, plan_.imports, plan_.sandboxes[group]);
    lanes_[group] = std::make_unique<Lane>(std::move(worker), pool_.settings());
    if (live_)
      lanes_[group]->watch_output([this, group](bool standard_error, std::uint32_t after, std::string_view text) {
        live_->feed(group, standard_error, after, text);
      });
  }
  co_return lanes_[group].get();
}

// Places and workers are waited for before.
void Run::watch_time() {
  if (!plan_.timeout) return;
  const auto seconds = std::chrono::duration<double>(std::min(*plan_.timeout, 1e9));
  limit_.emplace(pool_.executor(), std::chrono::duration_cast<Clock::duration>(seconds));
  limit_->async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (!error && alive.lock()) expire();
  });
}

void Run::expire() {
  expired_ = true;
  for (const auto& lane : lanes_)
    if (lane) lane->kill(workers::End::timed_out);
}

Task<Outcome> Run::execute() {
  const auto start = Clock::now();
  if (!cancelled_) {
    co_await open_lane(0);
    outcome_.queue_ms = milliseconds_since(start);
    watch_time();
    if (!cancelled_) co_await run_all();
    limit_.reset();
    if (lost_ != nullptr) co_await explain_loss(*lost_);
    if (!order_.execution_id.empty()) outcome_.usage = usage();
  }
  lanes_.clear();
  settle(start);
  co_return std::move(outcome_);
}

// Settles the steps that never ended.
void Run::settle(Clock::time_point start) {
  for (std::size_t i = 0; i < outcome_.steps.size(); ++i) {
    StepRun& run = outcome_.steps[i];
    if (run.status == Status::running && plan_.steps[i].body_end > 0) run.result.reset();  // of a round
    if (run.status == Status::running && !outcome_.stopped_by.empty() && !cancelled_) {
      run.reason = fmt::format("\"{}\" ended the execution", outcome_.stopped_by);
      end_step(i, Status::skipped);
    } else if (run.status == Status::running) {
      end_step(i, Status::cancelled);
    }
    if (run.status != Status::pending) continue;
    run.status = cancelled_ ? Status::cancelled : Status::skipped;
    run.order = next_order_++;
    if (!outcome_.stopped_by.empty()) run.reason = fmt::format("\"{}\" ended the execution", outcome_.stopped_by);
    else if (plan_.steps[i].loop && !outcome_.error && !cancelled_) run.reason = "its loop had no round";
  }
  if (expired_ && !outcome_.error)
    outcome_.error = NodeError{"TimedOut", expired_text(*plan_.timeout), "", std::nullopt, Cause::timed_out};
  if (cancelled_) outcome_.status = Status::cancelled;
  else if (outcome_.status == Status::running) outcome_.status = outcome_.error ? Status::failed : Status::completed;
  outcome_.duration_ms = milliseconds_since(start);
}

Task<> Run::run_all() {
  if (!co_await load_all()) co_return;
  const bool ran = co_await run_steps(0, plan_.steps.size());
  if (current_ != nullptr && ran) co_await serve(*current_, 0);
  if (load_failed_ || lost_ != nullptr || cancelled_) co_return;
  if (plan_.sandboxes.size() == 1 && order_.pins.empty() && described_bytes_ > 0 && described_bytes_ <= kMostRemembered)
    signatures_.remember(check::Signatures::key_of(plan_), known_);
  if (outcome_.status == Status::running && !refused_) co_await fetch_files();
}

// All modules first: one that does not parse, or cannot be imported, shows before any node has run. The calls go along
// when their functions are known from an earlier execution, otherwise once the modules have been described. False:
// nothing can be called.
Task<bool> Run::load_all() {
  const check::Signatures::Known* remembered =
      plan_.sandboxes.size() == 1 && order_.pins.empty() ? signatures_.find(check::Signatures::key_of(plan_)) : nullptr;
  if (remembered != nullptr) known_ = *remembered;
  for (std::size_t group = 0; group < plan_.sandboxes.size(); ++group) {
    Lane& lane = *co_await open_lane(group);
    if (cancelled_) co_return false;
    add_loads(lane, group);
    if (remembered != nullptr) continue;
    const bool loaded = co_await serve(lane, 0);
    if (!loaded) co_return false;
  }
  for (const auto& [step, value] : order_.pins) known_.functions[step].var_keyword = true;  // it takes what it is given
  co_return inputs_fit() && types_fit();
}

json::object Run::facts() const {
  return {{"id", order_.execution_id},
          {"workflow", order_.workflow_name.empty() ? plan_.name : order_.workflow_name},
          {"mode", order_.mode},
          {"started", now_us()}};
}

void Run::add_loads(Lane& lane, std::size_t group) {
  for (const auto& [name, source] : plan_.modules) lane.module(name, source);
  if (order_.given)
    for (const auto& [name, file] : order_.given->files) lane.file(file.name, file.bytes);
  const json::object execution = facts();
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (plan_.steps[i].group != group || is_pinned(i)) continue;
    lane.load(i, plan_.steps[i], execution);
    if (live_) live_->asked(group, load_id(i), i);
  }
}

// Before anything is called: inputs that nothing takes; texts and files of the command line become what the parameters
// ask for.
bool Run::inputs_fit() {
  std::vector<const schema::Function*> functions;
  for (const schema::Function& one : known_.functions) functions.push_back(&one);
  try {
    if (order_.input) flow::require_known_inputs(plan_, functions, *order_.input, order_.input_rules);
    if (order_.input && order_.given) input_ = flow::settled_input(plan_, functions, *order_.input, *order_.given);
  } catch (const Fault& fault) {
    const auto entry = std::find_if(plan_.steps.begin(), plan_.steps.end(), flow::is_entry);
    refuse_call(static_cast<std::size_t>(entry - plan_.steps.begin()),
                {"InvalidInput", fault.message, "", std::nullopt, Cause::not_run});
    return false;
  }
  return true;
}

// Before anything is called: wrong connections, and literals that their parameters do not take.
bool Run::types_fit() {
  std::vector<check::StepTypes> types(plan_.steps.size());
  bool typed = false;
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i] = {&known_.types[i], &known_.classes[i]};
    for (const auto& port : known_.types[i].inputs) typed = typed || port.type.kind != schema::Type::Kind::any;
    typed = typed || !plan_.steps[i].node.port_types.empty();
  }
  if (!typed) return true;
  check::Look look;
  look.with_input = true;
  look.input = input() ? &*input() : nullptr;
  look.suggestions = false;
  for (const auto& [step, value] : order_.pins) look.pinned.insert(step);
  look.types_only = true;
  std::size_t errors = 0;
  const check::Finding* first = nullptr;
  const std::vector<check::Finding> findings = check::check_types(plan_, types, *catalog_, look);
  const auto step_of = [&](const check::Finding& finding) {
    const auto at = std::find_if(plan_.steps.begin(), plan_.steps.end(),
                                 [&](const flow::Step& step) { return step.node.id == finding.node_id; });
    return static_cast<std::size_t>(at - plan_.steps.begin());
  };
  for (const check::Finding& finding : findings) {
    if (finding.severity == check::Finding::Severity::error) {
      if (errors++ == 0) first = &finding;
    } else if (const std::size_t step = step_of(finding);
               step < outcome_.steps.size() && outcome_.steps[step].warnings.size() < kMostTypeWarnings) {
      outcome_.steps[step].warnings.push_back(kept_.keep(finding.message));
    }
  }
  if (first == nullptr) return true;
  const std::string more = errors > 1 ? fmt::format(" (and {} more; `qflow check` lists them)", errors - 1) : "";
  const char* type = first->code == "incompatible_types" ? "IncompatibleTypes" : "InvalidInput";
  refuse_call(step_of(*first), {type, kept_.keep(first->message + more), "", std::nullopt, Cause::not_run});
  return false;
}

Task<> Run::fetch_files() {
  const auto until = Clock::now() + kFetchPatience;  // for all of them
  std::uint64_t left = pool_.settings().file_bytes;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (!outcome_.steps[i].result || outcome_.steps[i].result->files.empty()) continue;
    Lane& lane = *lanes_[plan_.steps[i].group];
    const bool fetched = co_await fetch_files_of(i, lane, left, until);
    if (lane.is_lost()) lost_ = &lane;
    if (!fetched) co_return;
  }
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (!is_cut_output(i)) continue;
    Lane& lane = *lanes_[plan_.steps[i].group];
    co_await fetch_whole(i, lane, left, until);
    if (lane.is_lost()) lost_ = &lane;
    if (lost_ != nullptr) co_return;
  }
}

// An output of the workflow of which there is only a part so far. A trial run shows that part.
bool Run::is_cut_output(std::size_t step) const {
  return !order_.execution_id.empty() && is_wanted(plan_, step) && outcome_.steps[step].result &&
         outcome_.steps[step].result->truncated;
}

Task<> Run::fetch_whole(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until) {
  StepRun& run = outcome_.steps[step];
  std::string problem;
  if (run.result->least_bytes.value_or(0) > left) {
    problem = fmt::format("as JSON it is larger than {} MiB", left >> 20U);
  } else {
    std::optional<FetchedFile> value = co_await lane.fetch(step, plan_.steps[step], kWholeValue, left, until);
    if (!value) co_return;
    if (!value->problem && !value->too_large) {
      left -= value->bytes.size();
      run.whole = std::move(value->bytes);
      co_return;
    }
    problem = kept_.keep(value->problem.value_or("it is larger than allowed"));
  }
  run.warnings.push_back(
      fmt::format("only a part of its value is kept: {}; return a pathlib.Path to hand over a large result", problem));
}

// False: the worker was lost, or the files were more than allowed.
Task<bool> Run::fetch_files_of(std::size_t step, Lane& lane, std::uint64_t& left, Clock::time_point until) {
  StepRun& run = outcome_.steps[step];
  for (std::uint32_t index = 0; index < run.result->files.size(); ++index) {
    const schema::FileOffer& offer = run.result->files[index];
    std::optional<FetchedFile> file = co_await lane.fetch(step, plan_.steps[step], index, left, until);
    if (!file) co_return false;
    if (file->too_large) {
      fail_step(step, {"FileLimit",
                       fmt::format("the files it handed over are larger than the limit of {} MiB for an execution",
                                   pool_.settings().file_bytes >> 20U),
                       "", std::nullopt, Cause::output_limit});
      co_return false;
    }
    left -= file->bytes.size();
    if (file->problem) {
      fail_step(step, {"FileLost",
                       kept_.keep(fmt::format("the file {} that it returned could not be read: {}",
                                              offer.name.value_or(offer.label), *file->problem)),
                       "", std::nullopt, Cause::raised});
      co_return false;
    }
    run.files.push_back(
        {kept_.keep(offer.label), offer.suffix, kept_.keep(offer.name.value_or("")), std::move(file->bytes)});
  }
  co_return true;
}

}  // namespace qflow::engine
