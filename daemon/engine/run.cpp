#include "daemon/engine/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>

#include "daemon/fault.hpp"
#include "daemon/observe/text.hpp"
#include "daemon/observe/time.hpp"
#include "schema/types.hpp"
#include "schema/typing/documented.hpp"

namespace qflow::engine {
namespace {

constexpr std::uint32_t kPreviewBytes = 64U << 10U;  // of a value that another node takes
constexpr std::uint32_t kOutputBytes = 8U << 20U;    // of an output of the workflow
// Of a whole execution, so that one of many nodes cannot fill the daemon.
constexpr std::size_t kAllPreviews = 64U << 20U;
constexpr std::size_t kAllArguments = 64U << 20U;
constexpr std::size_t kMaxRemembered = 16U << 10U;

// The documented types that the workflow gives ports whose code says nothing.
std::optional<json::value> declared_types(const Node& node) {
  json::object out;
  for (const auto& [port, name] : node.port_types) {
    const auto known = schema::builtin_type(name);
    if (!known || *known == "any") continue;
    if (port.starts_with("in ")) out[port] = schema::to_json(schema::type_of_documented(*known));
  }
  if (const auto known = schema::builtin_type(node.whole_output_type()); known && *known != "any")
    out["out"] = schema::to_json(schema::type_of_documented(*known));
  if (out.empty()) return std::nullopt;
  return json::value(std::move(out));
}

}  // namespace

Run::Run(workers::Pool& pool, Signatures& signatures, Plan plan, std::optional<json::value> input,
         StepObserver observer, OutputObserver output, bool measured, std::shared_ptr<const typing::Catalog> catalog)
    : pool_(pool),
      signatures_(signatures),
      plan_(std::move(plan)),
      input_(std::move(input)),
      observer_(std::move(observer)),
      measured_(measured),
      workers_(plan_.sandboxes.size()),
      functions_(plan_.steps.size()),
      types_(plan_.steps.size()),
      classes_(plan_.steps.size()),
      catalog_(catalog ? std::move(catalog) : std::make_shared<const typing::Catalog>()) {
  outcome_.steps.resize(plan_.steps.size());
  if (output) live_.emplace(plan_, std::move(output));
}

void Run::cancel() {
  cancelled_ = true;
  for (const auto& worker : workers_)
    if (worker) worker->kill(workers::End::cancelled);
}

// Killing a worker and forking the next spare can wait until the answer is on its way, but must not be forgotten.
struct Run::WorkerReturn {
  workers::Pool& pool;
  std::shared_ptr<workers::Worker> worker;
  asio::any_io_executor executor;
  WorkerReturn(workers::Pool& p, std::shared_ptr<workers::Worker> w, asio::any_io_executor e)
      : pool(p), worker(std::move(w)), executor(std::move(e)) {}
  ~WorkerReturn() {
    asio::post(executor, [&p = pool, w = worker] { p.release(w); });
  }
};

// The pool gets the workers a moment later; they must not tell this object any more.
Run::~Run() {
  for (const auto& worker : workers_)
    if (worker) worker->watch_output(nullptr);
}

Task<> Run::take_worker(std::size_t group) {
  if (!workers_[group]) {
    std::shared_ptr<workers::Worker> worker =
        co_await pool_.acquire(plan_.python, plan_.environment, plan_.imports, plan_.sandboxes[group]);
    const auto executor = co_await asio::this_coro::executor;
    returns_.push_back(std::make_unique<WorkerReturn>(pool_, worker, executor));
    worker->begin();
    if (live_)
      worker->watch_output([this, group](bool standard_error, std::uint32_t after, std::string_view text) {
        live_->feed(group, standard_error, after, text);
      });
    workers_[group] = std::move(worker);
  }
  worker_ = workers_[group];
}

bool Run::is_lost() const { return worker_->end() != workers::End::none || !violation_.empty(); }

Task<Outcome> Run::execute() {
  const auto start = Clock::now();
  if (!cancelled_) {
    co_await take_worker(0);
    outcome_.queue_ms = milliseconds_since(start);
    if (!cancelled_) co_await run_all();
    if (measured_) outcome_.usage = usage();
  }
  returns_.clear();
  for (std::size_t i = 0; i < outcome_.steps.size(); ++i) {
    const Status now = outcome_.steps[i].status;
    if (now == Status::pending) outcome_.steps[i].status = cancelled_ ? Status::cancelled : Status::skipped;
    else if (now == Status::running) end_step(i, Status::cancelled);
  }
  if (cancelled_) outcome_.status = Status::cancelled;
  else if (outcome_.status == Status::running) outcome_.status = outcome_.error ? Status::failed : Status::completed;
  outcome_.duration_ms = milliseconds_since(start);
  co_return std::move(outcome_);
}

Task<> Run::run_all() {
  if (plan_.sandboxes.size() == 1) co_await run_pipelined();
  else co_await run_in_sandboxes();
  if (!is_lost() && !cancelled_ && outcome_.status == Status::running) co_await fetch_files();
  if (is_lost()) co_await explain_loss();
}

// All modules first: what does not parse, or cannot be imported, shows before any node has run. The calls go along when
// their functions are known from an earlier execution; otherwise once the modules have told.
Task<> Run::run_pipelined() {
  const std::string key = Signatures::key_of(plan_);
  const Signatures::Known* known = signatures_.find(key);
  const std::size_t all = plan_.steps.size();
  std::string frames;
  add_loads(0, frames);
  if (known != nullptr) {
    functions_ = known->functions;
    types_ = known->types;
    classes_ = known->classes;
    if (!types_fit() || !add_calls(0, all, frames)) co_return;
  }
  const std::size_t calls = known != nullptr ? all : 0;
  worker_->post(std::move(frames));
  begin_next();
  co_await serve(calls);
  if (expected_.size() > calls || !violation_.empty() || outcome_.error) co_return;
  if (loaded_bytes_ <= kMaxRemembered) signatures_.remember(key, {functions_, types_, classes_});
  if (known == nullptr) {
    frames = std::string();
    if (!types_fit() || !add_calls(0, all, frames)) co_return;
    worker_->post(std::move(frames));
    begin_next();
  }
  co_await serve(0);
}

// Several sandboxes: each has a worker of its own. The steps run in the plan's order; as many neighbours of one sandbox
// as there are go together, and what they need from other sandboxes is given to their worker first.
Task<> Run::run_in_sandboxes() {
  for (std::size_t group = 0; group < plan_.sandboxes.size(); ++group) {
    co_await take_worker(group);
    if (cancelled_) co_return;
    std::string frames;
    add_loads(group, frames);
    worker_->post(std::move(frames));
    begin_next();
    co_await serve(0);
    if (is_lost() || outcome_.error) co_return;
  }
  if (!types_fit()) co_return;
  for (std::size_t first = 0; first < plan_.steps.size();) {
    const std::size_t group = plan_.steps[first].group;
    std::size_t last = first;
    while (last < plan_.steps.size() && plan_.steps[last].group == group) ++last;
    worker_ = workers_[group];
    std::string frames;
    if (!give_values(first, last, frames) || !add_calls(first, last, frames)) co_return;
    worker_->post(std::move(frames));
    begin_next();
    co_await serve(0);
    if (is_lost()) co_return;
    first = last;
  }
}

bool Run::crosses(std::size_t step) const {
  return std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const Step& other) {
    return other.group != plan_.steps[step].group &&
           std::any_of(other.sources.begin(), other.sources.end(), [&](const Source& s) { return s.step == step; });
  });
}

// Between sandboxes only plain data passes: a pickle would run code of the one sandbox with the rights of the other.
bool Run::give_values(std::size_t first, std::size_t last, std::string& frames) {
  std::set<std::size_t> given;
  for (std::size_t i = first; i < last; ++i)
    for (const Source& source : plan_.steps[i].sources) {
      if (!source.step || plan_.steps[*source.step].group == plan_.steps[i].group) continue;
      const StepRun& from = outcome_.steps[*source.step];
      if (from.status != Status::completed || !given.insert(*source.step).second) continue;
      if (!from.result->exact || from.result->truncated) {
        fail_step(i, {"NotTransferable",
                      fmt::format("the value of node \"{}\" ({}) cannot pass to node \"{}\", which runs in another "
                                  "sandbox: only JSON values of at most {} MiB can (None, bool, int, float, str, list, "
                                  "dict). Return such a value, or give both nodes the same sandbox",
                                  plan_.steps[*source.step].node.name, from.result->type, plan_.steps[i].node.name,
                                  kOutputBytes >> 20U),
                      "", std::nullopt, Cause::not_run});
        return false;
      }
      const auto start = Clock::now();
      schema::pack(schema::Kind::give, call_id(*source.step), schema::Give{}, frames, from.result->preview);
      outcome_.flows.push_back({*source.step, i, from.result->preview.size(), milliseconds_since(start)});
    }
  return true;
}

// Whether a step in another sandbox has left it without an input. Within one sandbox the worker itself says `skipped`.
bool Run::can_start(std::size_t step) const {
  return std::all_of(plan_.steps[step].sources.begin(), plan_.steps[step].sources.end(), [&](const Source& source) {
    return !source.step || plan_.steps[*source.step].group == plan_.steps[step].group ||
           outcome_.steps[*source.step].status == Status::completed;
  });
}

workers::Usage Run::usage() const {
  workers::Usage sum;
  for (const auto& worker : workers_) {
    if (!worker) continue;
    const workers::Usage one = worker->usage();
    sum.user_us += one.user_us;
    sum.system_us += one.system_us;
    sum.minor_faults += one.minor_faults;
    sum.major_faults += one.major_faults;
    sum.peak_memory_bytes = std::max(sum.peak_memory_bytes, one.peak_memory_bytes);
  }
  for (const StepRun& step : outcome_.steps) sum.written_bytes += step.usage.written_bytes;
  return sum;
}

void Run::add_loads(std::size_t group, std::string& frames) {
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.group != group) continue;
    schema::Load load;
    load.file = step.file;
    load.mark = worker_->nonce();
    load.function = step.node.function;
    schema::pack(schema::Kind::load, load_id(i), load, frames, step.node.code);
    expected_.push_back({true, i});
  }
}

bool Run::is_wanted(std::size_t step) const { return plan_.only ? *plan_.only == step : plan_.steps[step].sink; }

std::uint32_t Run::preview_limit(std::size_t step) const {
  const auto share = static_cast<std::uint32_t>(kAllPreviews / plan_.steps.size());
  return std::min(is_wanted(step) || crosses(step) ? kOutputBytes : kPreviewBytes, share);
}

bool Run::add_calls(std::size_t first, std::size_t last, std::string& frames) {
  const auto entries =
      static_cast<std::size_t>(std::count_if(plan_.steps.begin(), plan_.steps.end(), [](const Step& s) {
        return std::none_of(s.sources.begin(), s.sources.end(),
                            [](const Source& source) { return source.step.has_value(); });
      }));
  for (std::size_t i = first; i < last; ++i) {
    if (!can_start(i)) end_step(i, Status::skipped);
    else if (!add_call(i, entries, frames)) return false;
  }
  return true;
}

bool Run::add_call(std::size_t i, std::size_t entries, std::string& frames) {
  const Step& step = plan_.steps[i];
  try {
    Binding binding = bind_step(step, plan_, functions_[i], input_, entries, call_id);
    schema::Call call;
    call.module = load_id(i);
    call.arguments = std::move(binding.arguments);
    call.spread = binding.spread;
    call.preview_bytes = preview_limit(i);
    call.files = is_wanted(i);
    call.types = word(plan_.types);
    call.declared = declared_types(step.node);
    schema::pack(schema::Kind::call, call_id(i), call, frames);
    outcome_.steps[i].origins = std::move(binding.origins);
    for (std::string& warning : binding.warnings) outcome_.steps[i].warnings.push_back(std::move(warning));
    if (frames.size() > kAllArguments) throw std::length_error("arguments");
  } catch (const Fault& fault) {
    refuse_call(i, {"NotBound", fault.message, "", std::nullopt, Cause::not_run});
    return false;
  } catch (const std::length_error&) {
    refuse_call(i, {"InputTooLarge",
                    fmt::format("node \"{}\": its arguments are larger than what can be handed to a worker: {} MiB for "
                                "one node, {} MiB for all; pass a file's text in parts, or let the node read or make "
                                "the data",
                                step.node.name, schema::kMaxFrame >> 20U, kAllArguments >> 20U),
                    "", std::nullopt, Cause::not_run});
    return false;
  }
  expected_.push_back({false, i});
  return true;
}

// Before anything is called: what is wrongly connected, and literals that are not what a parameter takes.
bool Run::types_fit() {
  std::vector<StepTypes> types(plan_.steps.size());
  bool typed = false;
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i] = {&types_[i], &classes_[i]};
    for (const auto& port : types_[i].inputs) typed = typed || port.type.kind != schema::Type::Kind::any;
    typed = typed || !plan_.steps[i].node.port_types.empty();
  }
  if (!typed) return true;
  Look look;
  look.with_input = true;
  look.input = input_ ? &*input_ : nullptr;
  look.suggestions = false;
  look.types_only = true;
  std::size_t errors = 0;
  const Finding* first = nullptr;
  const std::vector<Finding> findings = check_types(plan_, types, *catalog_, look);
  const auto step_of = [&](const Finding& finding) {
    const auto at = std::find_if(plan_.steps.begin(), plan_.steps.end(),
                                 [&](const Step& step) { return step.node.id == finding.node_id; });
    return static_cast<std::size_t>(at - plan_.steps.begin());
  };
  for (const Finding& finding : findings) {
    if (finding.severity == Finding::Severity::error) {
      if (errors++ == 0) first = &finding;
    } else if (auto& warnings = outcome_.steps[step_of(finding)].warnings; warnings.size() < 20) {
      warnings.push_back(keep_text(finding.message));
    }
  }
  if (first == nullptr) return true;
  const std::string more = errors > 1 ? fmt::format(" (and {} more; `qflow check` lists them)", errors - 1) : "";
  const char* type = first->code == "incompatible_types" ? "IncompatibleTypes" : "InvalidInput";
  refuse_call(step_of(*first), {type, keep_text(first->message + more), "", std::nullopt, Cause::not_run});
  return false;
}

void Run::refuse_call(std::size_t step, NodeError error) {
  expected_.clear();
  outcome_.bad_input = true;
  fail_step(step, std::move(error));
}

// Takes answers until `until` are still expected, the worker is lost, or a module failed to load.
Task<> Run::serve(std::size_t until) {
  while (expected_.size() > until && violation_.empty()) {
    const bool loading = expected_.front().load;
    const std::optional<schema::Frame> frame = co_await worker_->receive();
    if (!frame) co_return;
    take_answer(*frame);
    if (loading && outcome_.error) {
      expected_.clear();  // nothing is to run; what was sent along is not waited for
      co_return;
    }
  }
}

// The worker answers in the order of the requests, so what comes next is running now and its time begins.
void Run::begin_next() {
  if (expected_.empty()) return worker_->clear_deadline();
  const Expected& next = expected_.front();
  const auto limit = std::chrono::duration<double>(plan_.steps[next.step].timeout);
  step_start_ = Clock::now();
  worker_->set_deadline(step_start_ + std::chrono::duration_cast<Clock::duration>(limit));
  worker_->begin_node(std::chrono::duration_cast<Clock::duration>(limit * (worker_->limits().cpu_millis / 1000.0)));
  StepRun& run = outcome_.steps[next.step];
  if (next.load) return;
  run.status = Status::running;
  run.started_at = now_us();
  if (observer_) observer_(next.step, run);
  if (live_) live_->begin(next.step);
}

void Run::violation(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

}  // namespace qflow::engine
