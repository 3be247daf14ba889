// The half of Run that takes what a worker sends: every answer is checked against what was asked and against bounds,
// and whatever does not fit ends the worker.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "daemon/engine/run.hpp"
#include "daemon/observe/text.hpp"
#include "schema/typing/json_schema.hpp"
#include "daemon/observe/time.hpp"

namespace qflow::engine {
namespace {

// Of a whole execution, so that one of many nodes cannot fill the daemon.
constexpr std::size_t kAllOutput = 32U << 20U;
constexpr std::size_t kAllText = 8U << 20U;
constexpr std::size_t kMaxLoadedMeta = 256U << 10U;
constexpr std::size_t kPreviewSlack = 64U << 10U;  // a worker stops at what was asked for, give or take one element
constexpr std::size_t kMaxElements = 300'000;      // of one preview; a worker writes at most 100,000
constexpr std::size_t kMaxDenied = 16;             // different acts of one step
constexpr std::size_t kMaxText = 64U << 10U;       // of anything a worker says in words

// How much of a text that was cut off is whole characters: all but an unfinished last one.
std::size_t whole_utf8(std::string_view text) {
  std::size_t start = text.size();
  while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start - 1]) & 0xC0U) == 0x80U)
    --start;
  return start > 0 && static_cast<unsigned char>(text[start - 1]) >= 0xC0U ? start - 1 : text.size();
}

}  // namespace

Cause StepRun::cause() const {
  if (error) return error->cause;
  switch (status) {
    case Status::completed:
      return Cause::completed;
    case Status::skipped:
      return Cause::skipped;
    case Status::cancelled:
      return Cause::cancelled;
    default:
      return Cause::not_run;
  }
}

Cause Outcome::cause() const {
  if (status == Status::cancelled) return Cause::cancelled;
  return error ? error->cause : Cause::completed;
}

std::string NodeError::sentence(const std::string& node) const {
  std::string text = type + (message.empty() ? "" : ": " + message);
  return line ? fmt::format("{} (node '{}', line {})", text, node, *line) : fmt::format("{} (node '{}')", text, node);
}

void Run::take_answer(const schema::Frame& frame) {
  const Expected now = expected_.front();
  const std::uint32_t id = now.load ? load_id(now.step) : call_id(now.step);
  if (frame.id != id) return violation(fmt::format("an answer to request {} where {} was due", frame.id, id));
  std::string problem;
  if (frame.kind == schema::Kind::raised) {
    const auto raised = schema::unpack<schema::Raised>(frame, problem);
    if (!raised) return violation(problem);
    expected_.pop_front();
    collect_output(now.step, id);
    on_raised(now.step, *raised);
  } else if (now.load && frame.kind == schema::Kind::loaded) {
    if (frame.meta.size() > kMaxLoadedMeta) return violation("a description of more than 256 KiB");
    loaded_bytes_ += frame.meta.size();
    const auto loaded = schema::unpack<schema::Loaded>(frame, problem);
    if (!loaded) return violation(problem);
    expected_.pop_front();
    collect_output(now.step, id);
    on_loaded(now.step, *loaded);
  } else if (!now.load && frame.kind == schema::Kind::result) {
    auto result = schema::unpack<schema::Result>(frame, problem);
    if (!result) return violation(problem);
    expected_.pop_front();
    collect_output(now.step, id);
    on_result(now.step, std::move(*result));
  } else if (!now.load && frame.kind == schema::Kind::skipped) {
    // True only if something it needs has no value.
    const auto& sources = plan_.steps[now.step].sources;
    const bool due = std::any_of(sources.begin(), sources.end(), [&](const Source& source) {
      return source.step && outcome_.steps[*source.step].status != Status::completed;
    });
    if (!due) return violation("it skipped a call that had its inputs");
    expected_.pop_front();
    collect_output(now.step, id);
    end_step(now.step, Status::skipped);
  } else {
    return violation("a frame that does not answer what was asked");
  }
  begin_next();
}

void Run::on_loaded(std::size_t step, const schema::Loaded& loaded) {
  const auto chosen = std::find_if(loaded.functions.begin(), loaded.functions.end(),
                                   [&](const auto& f) { return f.name == loaded.function; });
  if (chosen == loaded.functions.end()) return violation("a loaded module without its function");
  if (chosen->parameters.size() > 1000) return violation("a function of more than 1000 parameters");
  if (functions_[step].name.empty()) {  // not known from before
    types_[step] = schema::function_of(*chosen);
    if (loaded.classes) classes_[step] = schema::classes_from_json(*loaded.classes);
  }
  functions_[step] = *chosen;
  for (std::size_t i = 0; i < loaded.warnings.size() && i < 10; ++i)
    outcome_.steps[step].warnings.push_back(keep_text(loaded.warnings[i]));
}

void Run::on_result(std::size_t step, schema::Result result) {
  // The preview is kept as JSON, so it must be JSON; and it is small unless somebody lies.
  std::string problem;
  if (result.preview.size() > std::size_t{preview_limit(step)} / 4 * 5 + kPreviewSlack)
    return violation("a preview larger than asked for");
  if (schema::count_elements(result.preview) > kMaxElements)
    return violation("a preview of more elements than asked for");
  schema::parse_json(result.preview, problem, 80);
  if (!problem.empty()) return violation("a preview that is not JSON: " + problem);
  result.type = keep_text(std::move(result.type));
  if (result.files.size() > 64) result.files.resize(64);
  StepRun& run = outcome_.steps[step];
  run.usage = bounded(result.used, step);
  for (std::size_t i = 0; i < result.warnings.size() && i < 10; ++i)
    run.warnings.push_back(keep_text(result.warnings[i]));
  run.result = std::move(result);
  check_custom_type(step);
  if (run.error) return;
  end_step(step, Status::completed);
}

// A type that a user defined by JSON Schema can only be checked here, where the schema is, and on a value that JSON
// says whole.
void Run::check_custom_type(std::size_t step) {
  const StepRun& run = outcome_.steps[step];
  const Node& node = plan_.steps[step].node;
  if (plan_.types == TypeChecks::off || !run.result->exact || run.result->truncated) return;
  const std::string declared = node.whole_output_type();
  const std::string name =
      declared.empty() ? catalog_->documented(types_[step].output.type, classes_[step]).name : declared;
  const typing::CustomType* type = catalog_->find(name);
  if (type == nullptr || type->schema.empty()) return;
  std::string error;
  const schema::Problems problems =
      schema::check_json(schema::parse_json(run.result->preview, error, 200), type->schema);
  if (problems.empty()) return;
  const std::string text = keep_text(fmt::format("output: is no {}: {}{}{}", name, problems.front().pointer,
                                                 problems.front().pointer.empty() ? "" : ": ", problems.front().what));
  if (plan_.types == TypeChecks::strict || problems.front().pointer.empty())
    fail_step(step, {"TypeMismatch", text, "", std::nullopt, Cause::raised});
  else outcome_.steps[step].warnings.push_back(text);
}

// What an exception means: MemoryError is taken for the limit at work, an OSError with the errno that the last refused
// call was answered with for a denial, a fork that fails while all processes are taken for that limit. What a node
// raises in these words itself is named so too: it is its own record.
Cause Run::cause_of(std::size_t step, const schema::Raised& raised) const {
  if (raised.phase == "bind") return Cause::not_run;
  if (raised.type == "MemoryError") return Cause::memory_limit;
  const int error = raised.error.value_or(0);
  if (const auto& denied = outcome_.steps[step].denied; !denied.empty()) {
    const bool socket = denied.back().act.starts_with("socket(");
    // Negative: socket.gaierror, whose numbers are getaddrinfo(3)'s.
    if (socket ? error == EACCES || error < 0 : error == EPERM) return Cause::denied;
  }
  const bool forked = error == EAGAIN || (raised.type == "RuntimeError" && raised.message == "can't start new thread");
  if (forked && worker_->at_process_limit(workers::ProcessTable())) return Cause::process_limit;
  return Cause::raised;
}

void Run::on_raised(std::size_t step, const schema::Raised& raised) {
  outcome_.steps[step].usage = bounded(raised.used, step);
  const Cause cause = cause_of(step, raised);
  std::string message = keep_text(raised.message);
  if (cause == Cause::denied) {
    const sandbox::Denial& last = outcome_.steps[step].denied.back();
    message += fmt::format(" [denied: {}: {}]", last.act, last.reason);
  }
  fail_step(step, {keep_text(raised.type), std::move(message), keep_text(raised.traceback), raised.line, cause});
}

// A worker's own figures are kept within what can be: no negative ones, no more time than there was on all processors.
workers::Usage Run::bounded(const schema::Used& used, std::size_t step) const {
  const auto between = [](std::int64_t value, std::int64_t most) { return std::clamp<std::int64_t>(value, 0, most); };
  const auto& sandbox = plan_.sandboxes[plan_.steps[step].group];
  const auto wall = static_cast<std::int64_t>(milliseconds_since(step_start_) * 1000);
  const std::int64_t most = (wall + 10'000) * std::max(1U, std::thread::hardware_concurrency());
  constexpr std::int64_t kMany = 1LL << 40U;
  workers::Usage out;
  out.user_us = between(used.user_us, most);
  out.system_us = between(used.system_us, most);
  out.peak_memory_bytes =
      between(between(used.peak_rss_kib, kMany) * 1024, 4 * static_cast<std::int64_t>(sandbox.limits.memory));
  out.minor_faults = between(used.minor_faults, kMany);
  out.major_faults = between(used.major_faults, kMany);
  const StepRun& run = outcome_.steps[step];
  out.written_bytes = between(used.written_bytes, 3 * static_cast<std::int64_t>(sandbox.limits.tmp)) +
                      static_cast<std::int64_t>(run.standard_output.text.size() + run.standard_output.dropped +
                                                run.standard_error.text.size() + run.standard_error.dropped);
  return out;
}

// The worker's texts are bounded by its frame only; those of an execution together are bounded here.
std::string Run::keep_text(std::string_view text) {
  const std::string_view kept = cut_utf8(text, std::min(kMaxText, kAllText - text_kept_));
  text_kept_ += kept.size();
  return kept.size() < text.size() ? std::string(kept) + "…" : std::string(kept);
}

void Run::collect_output(std::size_t step, std::uint32_t id) {
  StepRun& run = outcome_.steps[step];
  for (const bool standard_error : {false, true}) {
    workers::Captured part = worker_->take_output(id, standard_error);
    if (!is_utf8(part.text)) {
      // The cut at the limit may have split a character; anything else is bytes that are no text.
      const std::size_t whole_characters = part.dropped > 0 ? whole_utf8(part.text) : part.text.size();
      part.dropped += part.text.size() - whole_characters;
      part.text = to_utf8(std::string_view(part.text).substr(0, whole_characters));
    }
    for (const sandbox::DeniedCall& call : part.denied) {
      sandbox::Denial denial = sandbox::explain(call);
      const bool known = std::find(run.denied.begin(), run.denied.end(), denial) != run.denied.end();
      if (!known && run.denied.size() < kMaxDenied) run.denied.push_back(std::move(denial));
    }
    workers::Captured& whole = standard_error ? run.standard_error : run.standard_output;
    const std::size_t own = pool_.settings().output_bytes - std::min(pool_.settings().output_bytes, whole.text.size());
    const std::size_t taken = std::min({own, kAllOutput - output_kept_, part.text.size()});
    whole.dropped += part.dropped + (part.text.size() - taken);
    whole.text.append(cut_utf8(part.text, taken));
    output_kept_ += taken;
  }
}

void Run::end_step(std::size_t step, Status status) {
  StepRun& run = outcome_.steps[step];
  run.status = status;
  run.duration_ms = milliseconds_since(step_start_);
  run.completed_at = now_us();
  if (run.started_at == 0) run.started_at = run.completed_at - static_cast<std::int64_t>(run.duration_ms * 1000);
  if (live_) live_->end(step);
  if (observer_) observer_(step, run);
}

void Run::fail_step(std::size_t step, NodeError error) {
  if (!outcome_.error) {
    outcome_.error = error;
    outcome_.failed_step = step;
  }
  outcome_.steps[step].error = std::move(error);
  end_step(step, Status::failed);
}

Task<> Run::fetch_files() {
  std::size_t total = 0;
  const auto until = Clock::now() + kFetchPatience;  // for all of them
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    StepRun& run = outcome_.steps[i];
    if (!run.result) continue;
    worker_ = workers_[plan_.steps[i].group];
    fetching_ = i;
    for (std::uint32_t index = 0; index < run.result->files.size(); ++index) {
      const schema::FileOffer& offer = run.result->files[index];
      std::string request;
      const std::uint32_t id = 0x40000000U + index;
      schema::pack(schema::Kind::fetch, id, schema::Fetch{call_id(i), index}, request);
      worker_->post(std::move(request));
      worker_->set_deadline(until);
      HandedFile file{keep_text(offer.label), offer.suffix, {}};
      for (bool last = false; !last;) {
        const std::optional<schema::Frame> frame = co_await worker_->receive();
        if (!frame) co_return;
        std::string problem;
        const auto chunk = schema::unpack<schema::Chunk>(*frame, problem);
        if (frame->kind != schema::Kind::chunk || frame->id != id || !chunk)
          co_return violation("a file's piece was due");
        if (frame->payload.empty() && !chunk->last) co_return violation("an empty piece of a file");
        total += frame->payload.size();
        if (total > pool_.settings().file_bytes) {
          fail_step(i, {"FileLimit",
                        fmt::format("the files it handed over are larger than the limit of {} MiB for an execution",
                                    pool_.settings().file_bytes >> 20U),
                        "",
                        {},
                        Cause::output_limit});
          co_return;
        }
        file.bytes += frame->payload;
        last = chunk->last;
        if (chunk->error)
          run.warnings.push_back(keep_text(fmt::format("file '{}' could not be read: {}", offer.label, *chunk->error)));
      }
      run.files.push_back(std::move(file));
    }
  }
  worker_->clear_deadline();
}

}  // namespace qflow::engine
