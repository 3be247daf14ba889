// The half of Run that takes what a worker sends: every answer is checked against what was asked and against bounds,
// and whatever does not fit ends the worker.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "daemon/engine/run.hpp"
#include "daemon/observe/text.hpp"
#include "daemon/observe/time.hpp"

namespace qflow::engine {
namespace {

// Of a whole execution, so that one of many nodes cannot fill the daemon.
constexpr std::size_t kAllOutput = 32U << 20U;
constexpr std::size_t kAllText = 8U << 20U;
constexpr std::size_t kMaxLoadedMeta = 256U << 10U;
constexpr auto kFetchPatience = std::chrono::seconds(60);
constexpr std::size_t kMaxElements = 300'000;  // of one preview; a worker writes at most 100,000
constexpr std::size_t kMaxText = 64U << 10U;   // of anything a worker says in words

// How much of a text that was cut off is whole characters: all but an unfinished last one.
std::size_t whole_utf8(std::string_view text) {
  std::size_t start = text.size();
  while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start - 1]) & 0xC0U) == 0x80U)
    --start;
  return start > 0 && static_cast<unsigned char>(text[start - 1]) >= 0xC0U ? start - 1 : text.size();
}

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("signal {} ({}{})", signal, name == nullptr ? "?" : "SIG", name == nullptr ? "" : name);
}

}  // namespace

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
  functions_[step] = *chosen;
  for (std::size_t i = 0; i < loaded.warnings.size() && i < 10; ++i)
    outcome_.steps[step].warnings.push_back(keep_text(loaded.warnings[i]));
}

void Run::on_result(std::size_t step, schema::Result result) {
  // The preview is kept as JSON, so it must be JSON; and it is small unless somebody lies.
  std::string problem;
  if (result.preview.size() > 2 * std::size_t{preview_limit(step)} + 4096)
    return violation("a preview larger than asked for");
  if (schema::count_elements(result.preview) > kMaxElements)
    return violation("a preview of more elements than asked for");
  schema::parse_json(result.preview, problem, 80);
  if (!problem.empty()) return violation("a preview that is not JSON: " + problem);
  result.type = keep_text(std::move(result.type));
  if (result.files.size() > 64) result.files.resize(64);
  StepRun& run = outcome_.steps[step];
  for (std::size_t i = 0; i < result.warnings.size() && i < 10; ++i)
    run.warnings.push_back(keep_text(result.warnings[i]));
  run.result = std::move(result);
  end_step(step, Status::completed);
}

void Run::on_raised(std::size_t step, const schema::Raised& raised) {
  fail_step(step, {keep_text(raised.type), keep_text(raised.message), keep_text(raised.traceback), raised.line});
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
        total += frame->payload.size();
        if (total > pool_.settings().file_bytes) {
          fail_step(i, {"FileLimit",
                        fmt::format("the files it handed over are larger than the limit of {} MiB for an execution",
                                    pool_.settings().file_bytes >> 20U),
                        "",
                        {}});
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

// The worker is gone, or has to go: what was running is what failed, and the kernel says why.
Task<> Run::explain_loss() {
  if (cancelled_) co_return;
  const workers::End end = worker_->end();
  const std::size_t step = expected_.empty() ? plan_.steps.size() - 1 : expected_.front().step;
  const bool loading = !expected_.empty() && expected_.front().load;
  NodeError error;
  if (!violation_.empty() || end == workers::End::protocol) {
    worker_->kill(workers::End::protocol);
    error = {"ProtocolViolation",
             "the worker broke the protocol: " + (violation_.empty() ? worker_->end_detail() : violation_),
             "",
             {}};
  } else if (end == workers::End::timed_out && expected_.empty()) {
    error = {"TimedOut", fmt::format("handing over its files took longer than {} s", kFetchPatience.count()), "", {}};
  } else if (end == workers::End::timed_out) {
    error = {"TimedOut",
             fmt::format("it ran longer than its time limit of {} s{}", plan_.steps[step].timeout,
                         loading ? " while its module was loaded" : ""),
             "",
             {}};
  } else if (end == workers::End::memory) {
    error = {"MemoryLimit", fmt::format("it held more memory than its limit of {} MiB", plan_.memory >> 20U), "", {}};
  } else if (end == workers::End::processes) {
    error = {"ProcessLimit",
             fmt::format("it started more processes than its limit of {}", pool_.settings().limits.processes),
             "",
             {}};
  } else {
    // It ended, or a node closed its channel; only in the second case does it still live.
    const auto exited = co_await worker_->wait_exit(std::chrono::milliseconds(300));
    std::string how = "it closed the worker's channel";
    if (worker_->zygote_lost()) how = "the zygote that it was forked from ended, and it with that";
    else if (exited && exited->signal == SIGKILL)
      how = "it was killed from outside with " + signal_text(SIGKILL) + " (an operator, or the host short of memory)";
    else if (exited && exited->signal != 0) how = "it was ended by " + signal_text(exited->signal);
    else if (exited && exited->code == 70) how = "it could not read what the daemon sent";
    else if (exited && exited->code != 71) how = fmt::format("it ended the process with exit status {}", exited->code);
    error = {"WorkerDied", how + " before it returned", "", {}};
  }
  const std::uint32_t id = loading ? load_id(step) : call_id(step);
  if (!expected_.empty()) collect_output(step, id);
  outcome_.status = Status::failed;
  fail_step(step, std::move(error));
}

}  // namespace qflow::engine
