// The part of Lane that checks what nodes tell while they run. A worker that keeps to the protocol bounds how much that
// is; one that does not is ended.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "daemon/engine/lane.hpp"
#include "daemon/engine/shared_state.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostNote = 3U << 20U;   // bytes of one
constexpr std::size_t kMostText = 16U << 10U;  // bytes of its text
constexpr std::size_t kMostMembers = 32;
constexpr std::size_t kMostSmall = 64U << 10U;
constexpr std::size_t kMostLarge = 1100;  // notes of a call, before none may be larger than that
constexpr std::size_t kMostNotes = 1100;  // of one call, and
constexpr double kMostASecond = 100;      // of progress; a worker that keeps to it sends at most 20

bool is_mime(std::string_view text) {
  return text.size() <= 100 && text.find('/') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

std::string bundle_problem(const json::object& data) {
  for (const auto& [mime, value] : data)
    if (!is_mime(mime) || !value.is_string()) return "something to show that is no text under a MIME type";
  return data.size() > kMostMembers ? "something to show of more than 32 types" : "";
}

std::string state_problem(const json::object& data) {
  const json::value* set = data.if_contains("set");
  const json::value* removed = data.if_contains("removed");
  if (set == nullptr || !set->is_object() || removed == nullptr || !removed->is_array())
    return "a change of the state that is none";
  const json::array& keys = removed->get_array();
  return std::all_of(keys.begin(), keys.end(), [](const json::value& key) { return key.is_string(); })
             ? ""
             : "a removed key of the state that is no text";
}

std::string note_problem(const schema::Note& note) {
  if (note.text && note.text->size() > kMostText) return "a text of more than 16 KiB";
  const json::object* data = note.data ? note.data->if_object() : nullptr;
  if (note.what == "progress" && note.data) return "progress with data";
  if (note.what == "progress")
    return note.fraction && !(*note.fraction >= 0 && *note.fraction <= 1) ? "progress that is not from 0 to 1" : "";
  if (data == nullptr) return "a note without data";
  if (note.what == "display") return bundle_problem(*data);
  if (note.what == "state") return state_problem(*data);
  if (note.what != "log") return "a note of an unknown kind";
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (std::find(std::begin(kLevels), std::end(kLevels), note.level.value_or("")) == std::end(kLevels) || !note.text)
    return "a line without a level or text";
  return data->size() > kMostMembers ? "a line of more than 32 fields" : "";
}

}  // namespace

std::optional<LaneAnswer> Lane::read_note(const schema::Frame& frame) {
  const LaneRequest& due = expected_.front();
  std::string problem;
  if (frame.id != due.id() || (!due.load() && !due.call())) problem = "a note of a request that is not at work";
  else if (frame.meta.size() > kMostSmall && notes_ > kMostLarge) problem = "more large notes than it may send";
  else if (frame.meta.size() > kMostNote) problem = "a note of more than 3 MiB";
  else if (++notes_ > kMostNotes + static_cast<std::size_t>(kMostASecond * milliseconds_since(begun_) / 1000))
    problem = "too many notes";
  if (problem.empty()) {
    auto note = schema::unpack<schema::Note>(frame, problem);
    if (note) problem = note_problem(*note);
    if (problem.empty()) return LaneAnswer{due, std::move(*note), frame.meta.size()};
  }
  violate(std::move(problem));
  return std::nullopt;
}

}  // namespace qflow::engine
