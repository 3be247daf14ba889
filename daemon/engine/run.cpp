#include "daemon/engine/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/base/fault.hpp"
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

Task<Outcome> Run::execute() {
  const auto start = Clock::now();
  if (!cancelled_) {
    co_await open_lane(0);
    outcome_.queue_ms = milliseconds_since(start);
    if (!cancelled_)
      if (Lane* lost = co_await run_all()) co_await explain_loss(*lost);
    if (!order_.execution_id.empty()) outcome_.usage = usage();
  }
  lanes_.clear();
  settle(start);
  co_return std::move(outcome_);
}

// Settles the steps that never ended.
void Run::settle(Clock::time_point start) {
  for (std::size_t i = 0; i < outcome_.steps.size(); ++i) {
    const Status now = outcome_.steps[i].status;
    if (now == Status::pending) outcome_.steps[i].status = cancelled_ ? Status::cancelled : Status::skipped;
    else if (now == Status::running) end_step(i, Status::cancelled);
  }
  if (cancelled_) outcome_.status = Status::cancelled;
  else if (outcome_.status == Status::running) outcome_.status = outcome_.error ? Status::failed : Status::completed;
  outcome_.duration_ms = milliseconds_since(start);
}

// The lane that was lost meanwhile, if any.
Task<Lane*> Run::run_all() {
  Lane* lost = nullptr;
  if (plan_.sandboxes.size() == 1) lost = co_await run_pipelined();
  else lost = co_await run_in_sandboxes();
  if (lost == nullptr && !cancelled_ && outcome_.status == Status::running) lost = co_await fetch_files();
  co_return lost;
}

// All modules first: one that does not parse, or cannot be imported, shows before any node has run. The calls go along
// when their functions are known from an earlier execution, otherwise once the modules have been described.
Task<Lane*> Run::run_pipelined() {
  Lane& lane = *lanes_.front();
  Lane* const lost = &lane;
  const std::string key = check::Signatures::key_of(plan_);
  const check::Signatures::Known* remembered = signatures_.find(key);
  const bool known = remembered != nullptr;
  const std::size_t all = plan_.steps.size();
  add_loads(lane, 0);
  if (known) {
    known_ = *remembered;
    if (!inputs_fit() || !types_fit() || !add_calls(lane, 0, all)) {
      lane.forget();
      co_return nullptr;
    }
  }
  const std::size_t calls = lane.expected() - all;
  lane.send();
  co_await serve(lane, calls);
  if (lane.is_lost()) co_return lost;
  if (outcome_.error) co_return nullptr;
  if (described_bytes_ <= kMostRemembered) signatures_.remember(key, known_);
  if (!known) {
    if (!inputs_fit() || !types_fit() || !add_calls(lane, 0, all)) {
      lane.forget();
      co_return nullptr;
    }
    lane.send();
  }
  co_await serve(lane, 0);
  co_return lane.is_lost() ? lost : nullptr;
}

// Several sandboxes: each has a worker of its own. The steps run in the plan's order; neighbours of one sandbox go
// together, and their worker is first given the values of other sandboxes that they need.
Task<Lane*> Run::run_in_sandboxes() {
  for (std::size_t group = 0; group < plan_.sandboxes.size(); ++group) {
    Lane& lane = *co_await open_lane(group);
    if (cancelled_) co_return nullptr;
    add_loads(lane, group);
    lane.send();
    co_await serve(lane, 0);
    if (lane.is_lost()) co_return &lane;
    if (outcome_.error) co_return nullptr;
  }
  if (!inputs_fit() || !types_fit()) co_return nullptr;
  for (std::size_t first = 0; first < plan_.steps.size();) {
    const std::size_t group = plan_.steps[first].group;
    std::size_t last = first;
    while (last < plan_.steps.size() && plan_.steps[last].group == group) ++last;
    Lane& lane = *lanes_[group];
    if (!give_values(lane, first, last) || !add_calls(lane, first, last)) {
      lane.forget();
      co_return nullptr;
    }
    lane.send();
    co_await serve(lane, 0);
    if (lane.is_lost()) co_return &lane;
    first = last;
  }
  co_return nullptr;
}

// Takes answers until `until` are still expected, the worker is lost, or a module failed to load.
Task<> Run::serve(Lane& lane, std::size_t until) {
  while (lane.expected() > until && !lane.is_lost()) {
    if (const LaneRequest* next = lane.begin_next()) begin_step(*next);
    std::optional<LaneAnswer> answer = co_await lane.receive();
    if (!answer) co_return;
    const bool loading = answer->to.load;
    take_answer(lane, std::move(*answer));
    if (loading && outcome_.error) {
      lane.forget();  // nothing is to run; answers to calls that were sent along are not waited for
      co_return;
    }
  }
}

void Run::add_loads(Lane& lane, std::size_t group) {
  for (const auto& [name, source] : plan_.modules) lane.module(name, source);
  if (order_.given)
    for (const auto& [name, file] : order_.given->files) lane.file(file.name, file.bytes);
  for (std::size_t i = 0; i < plan_.steps.size(); ++i)
    if (plan_.steps[i].group == group) lane.load(i, plan_.steps[i]);
}

bool Run::add_calls(Lane& lane, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    if (!can_start(i)) end_step(i, Status::skipped);
    else if (!add_call(lane, i)) return false;
  }
  return true;
}

// False if a step in another sandbox has left it without an input. Within one sandbox the worker itself says `skipped`.
bool Run::can_start(std::size_t step) const {
  const auto& sources = plan_.steps[step].sources;
  return std::all_of(sources.begin(), sources.end(), [&](const flow::Source& source) {
    return !source.step || plan_.steps[*source.step].group == plan_.steps[step].group ||
           outcome_.steps[*source.step].status == Status::completed;
  });
}

bool Run::add_call(Lane& lane, std::size_t i) {
  const flow::Step& step = plan_.steps[i];
  try {
    CallRequest request = call_request(plan_, i, known_.functions[i], input(), entries_);
    StepRun& run = outcome_.steps[i];
    run.origins = std::move(request.origins);
    for (std::string& warning : request.warnings) run.warnings.push_back(std::move(warning));
    lane.call(i, step, request.call);
    return true;
  } catch (const Fault& fault) {
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
bool Run::give_values(Lane& lane, std::size_t first, std::size_t last) {
  std::set<std::size_t> given;
  for (std::size_t i = first; i < last; ++i)
    for (const flow::Source& source : plan_.steps[i].sources) {
      if (!source.step || plan_.steps[*source.step].group == plan_.steps[i].group) continue;
      const StepRun& from = outcome_.steps[*source.step];
      if (from.status != Status::completed || !given.insert(*source.step).second) continue;
      if (!from.result->exact || from.result->truncated) {
        const std::string where = from.result->inexact_at ? ": " + kept_.keep(*from.result->inexact_at) : "";
        fail_step(i, {"NotTransferable",
                      fmt::format("the value of node \"{}\" ({}{}) cannot pass to node \"{}\", which runs in another "
                                  "sandbox: only JSON values of at most {} MiB can (None, bool, int, float, str, list, "
                                  "dict). Return such a value, or give both nodes the same sandbox",
                                  plan_.steps[*source.step].node.name, from.result->type, where,
                                  plan_.steps[i].node.name, kOutputBytes >> 20U),
                      "", std::nullopt, Cause::not_run});
        return false;
      }
      const auto start = Clock::now();
      lane.give(*source.step, from.result->preview);
      outcome_.flows.push_back({*source.step, i, from.result->preview.size(), milliseconds_since(start)});
    }
  return true;
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

void Run::refuse_call(std::size_t step, NodeError error) {
  outcome_.bad_input = true;
  fail_step(step, std::move(error));
}

Task<Lane*> Run::fetch_files() {
  const auto until = Clock::now() + kFetchPatience;  // for all of them
  std::uint64_t left = pool_.settings().file_bytes;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (!outcome_.steps[i].result) continue;
    Lane& lane = *lanes_[plan_.steps[i].group];
    const bool fetched = co_await fetch_files_of(i, lane, left, until);
    if (!fetched) co_return lane.is_lost() ? &lane : nullptr;
  }
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (!is_cut_output(i)) continue;
    Lane& lane = *lanes_[plan_.steps[i].group];
    co_await fetch_whole(i, lane, left, until);
    if (lane.is_lost()) co_return &lane;
  }
  co_return nullptr;
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
