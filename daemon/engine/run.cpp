#include "daemon/engine/run.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>

#include "daemon/fault.hpp"
#include "daemon/observe/text.hpp"
#include "daemon/observe/time.hpp"

namespace qflow::engine {
namespace {

constexpr std::uint32_t kPreviewBytes = 64U << 10U;  // of a value that another node takes
constexpr std::uint32_t kOutputBytes = 8U << 20U;    // of an output of the workflow
// Of a whole execution, so that one of many nodes cannot fill the daemon.
constexpr std::size_t kAllPreviews = 64U << 20U;
constexpr std::size_t kAllArguments = 64U << 20U;
constexpr std::size_t kMaxRemembered = 16U << 10U;

}  // namespace

Run::Run(workers::Pool& pool, Signatures& signatures, Plan plan, std::optional<json::value> input,
         StepObserver observer, bool measured)
    : pool_(pool),
      signatures_(signatures),
      plan_(std::move(plan)),
      input_(std::move(input)),
      observer_(std::move(observer)),
      measured_(measured),
      functions_(plan_.steps.size()) {
  outcome_.steps.resize(plan_.steps.size());
}

void Run::cancel() {
  cancelled_ = true;
  if (worker_) worker_->kill(workers::End::cancelled);
}

// Killing a worker and forking the next spare can wait until the answer is on its way, but must not be forgotten.
struct Run::WorkerReturn {
  workers::Pool& pool;
  std::shared_ptr<workers::Worker> worker;
  asio::any_io_executor executor;
  ~WorkerReturn() {
    asio::post(executor, [&p = pool, w = worker] { p.release(w); });
  }
};

Task<Outcome> Run::execute() {
  const auto start = Clock::now();
  if (!cancelled_) {
    std::shared_ptr<workers::Worker> worker = co_await pool_.acquire(plan_.python, plan_.imports);
    outcome_.queue_ms = milliseconds_since(start);
    worker_ = std::move(worker);
  }
  if (worker_) {
    const auto executor = co_await asio::this_coro::executor;
    const WorkerReturn give_back{pool_, worker_, executor};
    worker_->begin(plan_.memory, plan_.memory < pool_.settings().limits.memory);
    if (!cancelled_) co_await run_on_worker();
    if (worker_->end() == workers::End::none && outcome_.status == Status::running && violation_.empty())
      co_await fetch_files();
    if (worker_->end() != workers::End::none || !violation_.empty()) co_await explain_loss();
    if (measured_) outcome_.usage = worker_->usage();
  }
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

// All modules first: what does not parse, or cannot be imported, shows before any node has run. The calls go along when
// their functions are known from an earlier execution; otherwise once the modules have told.
Task<> Run::run_on_worker() {
  const std::string key = Signatures::key_of(plan_);
  const std::vector<schema::Function>* known = signatures_.find(key);
  std::string frames;
  add_loads(frames);
  if (known != nullptr) {
    functions_ = *known;
    if (!add_calls(frames)) co_return;
  }
  const std::size_t calls = known != nullptr ? plan_.steps.size() : 0;
  worker_->post(std::move(frames));
  begin_next();
  co_await serve(calls);
  if (expected_.size() > calls || !violation_.empty() || outcome_.error) co_return;
  if (loaded_bytes_ <= kMaxRemembered) signatures_.remember(key, functions_);
  if (known == nullptr) {
    frames = std::string();
    if (!add_calls(frames)) co_return;
    worker_->post(std::move(frames));
    begin_next();
  }
  co_await serve(0);
}

void Run::add_loads(std::string& frames) {
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
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
  return std::min(is_wanted(step) ? kOutputBytes : kPreviewBytes, share);
}

bool Run::add_calls(std::string& frames) {
  const auto entries =
      static_cast<std::size_t>(std::count_if(plan_.steps.begin(), plan_.steps.end(), [](const Step& s) {
        return std::none_of(s.sources.begin(), s.sources.end(),
                            [](const Source& source) { return source.step.has_value(); });
      }));
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    try {
      Binding binding = bind_step(step, plan_, functions_[i], input_, entries, call_id);
      schema::Call call;
      call.module = load_id(i);
      call.arguments = std::move(binding.arguments);
      call.spread = binding.spread;
      call.preview_bytes = preview_limit(i);
      call.files = is_wanted(i);
      schema::pack(schema::Kind::call, call_id(i), call, frames);
      outcome_.steps[i].origins = std::move(binding.origins);
      for (std::string& warning : binding.warnings) outcome_.steps[i].warnings.push_back(std::move(warning));
      if (frames.size() > kAllArguments) throw std::length_error("arguments");
    } catch (const Fault& fault) {
      refuse_call(i, {"NotBound", fault.message, "", std::nullopt});
      return false;
    } catch (const std::length_error&) {
      refuse_call(
          i, {"InputTooLarge",
              fmt::format("node \"{}\": its arguments are larger than what can be handed to a worker: {} MiB for one "
                          "node, {} MiB for all; pass a file's text in parts, or let the node read or make the data",
                          step.node.name, schema::kMaxFrame >> 20U, kAllArguments >> 20U),
              "", std::nullopt});
      return false;
    }
    expected_.push_back({false, i});
  }
  return true;
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
  StepRun& run = outcome_.steps[next.step];
  if (next.load) return;
  run.status = Status::running;
  run.started_at = now_us();
  if (observer_) observer_(next.step, run);
}

void Run::violation(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

}  // namespace qflow::engine
