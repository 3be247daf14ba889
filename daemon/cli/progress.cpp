#include "daemon/cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "daemon/base/text.hpp"
#include "daemon/cli/runtime.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace json = boost::json;
namespace {

void put(const std::string& text) { sandbox::write_all(STDERR_FILENO, text); }

constexpr double kWorthSaying = 100;  // milliseconds that a module's import took

const char* color_of(engine::Status status) {
  static const char* const kNoColor = std::getenv("NO_COLOR");  // no-color.org
  if (kNoColor != nullptr && *kNoColor != '\0') return "";
  switch (status) {
    case engine::Status::completed:
      return "\x1b[32m";
    case engine::Status::failed:
      return "\x1b[31m";
    case engine::Status::running:
      return "\x1b[36m";
    default:
      return "\x1b[2m";
  }
}

// The first characters of a text, counted as one column each; the text has no control characters.
std::string_view first_columns(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U && seen++ == columns) break;
  }
  return text.substr(0, at);
}

// Puts a text on one line.
std::string flat(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

// Each line behind the node's name. Of a line that was written over (a progress bar), the last state.
std::string said(const std::string& node, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto over = line.rfind('\r'); over != std::string_view::npos) line.remove_prefix(over + 1);
    out += fmt::format("{} | {}\n", flat(printable(node)), printable(line));
  }
  return out;
}

std::string shortened(const std::string& text) {
  const std::string_view shown = cut_utf8(text, 200);
  return shown.size() == text.size() ? text : std::string(shown) + "…";
}

constexpr std::uint64_t kShownRuns = 10;

const char* word_of(engine::Status status) {
  switch (status) {
    case engine::Status::pending:
      return "waiting";
    case engine::Status::completed:
      return "done";
    default:
      return engine::word(status);
  }
}

}  // namespace

std::string duration_text(double ms) {
  if (ms < 1) return fmt::format("{:.0f} µs", ms * 1000);
  if (ms < 1000) return fmt::format("{:.1f} ms", ms);
  return fmt::format("{:.1f} s", ms / 1000);
}

Progress::Style Progress::style_for(const flow::Plan& plan, bool quiet) {
  if (quiet) return Style::none;
  const char* terminal = std::getenv("TERM");
  winsize size{};
  const bool live = ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb" &&
                    ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > plan.steps.size() + 1;
  return live ? Style::live : Style::plain;
}

Progress::Progress(const flow::Plan& plan, Style style) : plan_(plan), style_(style), lines_(plan.steps.size()) {
  for (const auto& step : plan.steps)
    name_width_ = std::max(name_width_, std::min<std::size_t>(step.node.name.size(), 40));
  draw();
}

std::string Progress::line(std::size_t step) const {
  const Line& l = lines_[step];
  const double ms = l.status == engine::Status::running
                        ? std::chrono::duration<double, std::milli>(Clock::now() - l.since).count()
                        : l.duration_ms;
  const bool timed = l.status == engine::Status::running || l.status == engine::Status::completed ||
                     l.status == engine::Status::failed;
  return fmt::format("{:<{}}  {:<9} {:>9}  {}", flat(printable(plan_.steps[step].node.name)), name_width_,
                     word_of(l.status), timed ? duration_text(ms) : "", l.note);
}

void Progress::draw() {
  if (style_ != Style::live) return;
  std::string out = drawn_ ? fmt::format("\x1b[{}A", lines_.size()) : "";
  // A wrapped line would leave the cursor in the wrong place for the next draw.
  winsize size{};
  const std::size_t columns =
      ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::string text = line(i);
    const char* color = color_of(lines_[i].status);
    out += fmt::format("\r\x1b[K{}{}{}\n", color, first_columns(text, columns), *color == '\0' ? "" : "\x1b[0m");
  }
  drawn_ = true;
  put(out);
}

// A loop may have thousands of rounds a second.
void Progress::draw_soon(const engine::StepRun& run) {
  if (run.count > kShownRuns && Clock::now() - last_draw_ < std::chrono::milliseconds(50)) return;
  last_draw_ = Clock::now();
  draw();
}

void Progress::on_step(std::size_t step, const engine::StepRun& run) {
  Line& l = lines_[step];
  l.status = run.status;
  l.since = Clock::now();
  l.duration_ms = run.duration_ms;
  l.note.clear();
  if (run.result) l.note = printable(run.result->type);
  if (run.result && run.load_ms >= kWorthSaying) l.note += fmt::format("  (import {})", duration_text(run.load_ms));
  if (run.error)
    l.note = shortened(printable(run.error->type + (run.error->message.empty() ? "" : ": " + run.error->message)));
  if (run.status == engine::Status::skipped) l.note = printable(run.reason);
  if (run.count > 0) l.note += fmt::format("  ×{}", run.count + 1);
  l.note = flat(std::move(l.note));
  if (style_ == Style::live) return draw_soon(run);
  // Of a loop's rounds, the first are shown, and those that fail.
  const bool shown = run.count < kShownRuns || run.status == engine::Status::failed;
  if (style_ == Style::plain && run.status != engine::Status::running && shown) put(line(step) + "\n");
  if (style_ == Style::plain && run.count == kShownRuns && run.status != engine::Status::running)
    put(fmt::format("{:<{}}  …\n", flat(printable(plan_.steps[step].node.name)), name_width_));
}

void Progress::on_output(std::size_t step, std::string_view text) {
  if (style_ == Style::none) return;
  lines_[step].spoke = true;
  put_above(said(plan_.steps[step].node.name, text));
}

void Progress::put_above(const std::string& text) {
  if (style_ == Style::plain) return put(text);
  // The live lines make place, and come again below.
  put((drawn_ ? fmt::format("\x1b[{}A\x1b[J", lines_.size()) : "") + text);
  drawn_ = false;
  draw();
}

namespace {

// "[######              ]  30 %  reading"
std::string progress_text(const schema::Note& note) {
  constexpr int kWidth = 20;
  std::string out;
  if (note.fraction) {
    const int filled = static_cast<int>(*note.fraction * kWidth);
    out = fmt::format("[{:<{}}] {:>3.0f} %", std::string(static_cast<std::size_t>(filled), '#'), kWidth,
                      std::floor(*note.fraction * 100));
  }
  if (note.text) out += (out.empty() ? "" : "  ") + shortened(printable(*note.text));
  return flat(std::move(out));
}

std::string log_text(const schema::Note& note) {
  std::string out = *note.level + ": " + *note.text;
  for (const auto& [name, value] : note.data->get_object())
    out += fmt::format(" {}={}", std::string_view(name), schema::write_json(value));
  return out;
}

}  // namespace

void Progress::on_note(std::size_t step, const schema::Note& note) {
  if (style_ == Style::none) return;
  const std::string& name = plan_.steps[step].node.name;
  if (note.what == "log") return put_above(said(name, log_text(note)));
  if (note.what == "display") {
    // What is more than text becomes a file.
    const json::object& data = note.data->get_object();
    const json::value* plain = data.if_contains("text/plain");
    if (plain != nullptr && data.size() == 1) put_above(said(name, std::string_view(plain->get_string())));
    if (note.text) put_above(said(name, *note.text));
    return;
  }
  Line& l = lines_[step];
  l.note = progress_text(note);
  if (style_ == Style::live) return draw();
  const bool over = note.fraction == 1.0;
  if (!over && Clock::now() - l.told < std::chrono::seconds(1)) return;
  l.told = Clock::now();
  put(said(name, l.note));
}

Task<> Progress::tick() {
  while (style_ == Style::live) {
    co_await sleep_for(std::chrono::milliseconds(100));
    if (std::any_of(lines_.begin(), lines_.end(), [](const Line& l) { return l.status == engine::Status::running; }))
      draw();
  }
}

void Progress::finish(const engine::Outcome& outcome) {
  if (style_ == Style::none) return;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const bool cut = i < outcome.runs.size() && outcome.runs[i] > kShownRuns;
    if (lines_[i].status == outcome.steps[i].status && !cut) continue;
    lines_[i].status = outcome.steps[i].status;
    if (lines_[i].status == engine::Status::skipped) lines_[i].note = flat(printable(outcome.steps[i].reason));
    if (style_ == Style::plain) put(line(i) + "\n");
  }
  draw();
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const engine::StepRun& run = outcome.steps[i];
    const std::string& node = plan_.steps[i].node.name;
    for (const workers::Captured* stream : {&run.standard_output, &run.standard_error}) {
      if (!lines_[i].spoke) put(said(node, stream->text));
      if (stream->dropped > 0)
        put(fmt::format("{} | … and {} bytes more, beyond the limit (sandbox.output_kib)\n", flat(printable(node)),
                        stream->dropped));
    }
    for (const sandbox::Denial& denied : outcome.steps[i].denied)
      put(fmt::format("Denied to {}: {}: {}{}\n", printable(plan_.steps[i].node.name), denied.act, denied.reason,
                      denied.setting.empty() ? "" : fmt::format(" ({} would allow it)", denied.setting)));
    for (const std::string& warning : outcome.steps[i].warnings)
      put(fmt::format("Note on {}: {}\n", printable(plan_.steps[i].node.name), printable(warning)));
  }
}

}  // namespace qflow::cli
