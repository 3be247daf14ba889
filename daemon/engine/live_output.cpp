#include "daemon/engine/live_output.hpp"

#include "daemon/base/text.hpp"

namespace qflow::engine {
namespace {
constexpr std::size_t kLongest = 8U << 10U;
}

// Text written after the mark of one request belongs to the next.
void LiveOutput::asked(std::size_t channel, std::uint32_t id, std::size_t step) {
  std::uint32_t& last = last_[channel];
  after_[{channel, last}] = step;
  last = id;
}

void LiveOutput::hand_on(const Part& part, bool all) {
  const auto found = parts_.find(part);
  if (found == parts_.end()) return;
  std::string& text = found->second;
  const auto give = [&](std::size_t size) {
    if (size == 0) return;
    observer_(std::get<1>(part), std::get<2>(part), to_utf8(std::string_view(text).substr(0, size)));
    text.erase(0, size);
  };
  const auto line = text.rfind('\n');
  if (line != std::string::npos) give(line + 1);
  while (text.size() >= kLongest) give(cut_utf8(text, kLongest).size());
  if (all) give(text.size());
}

void LiveOutput::feed(std::size_t channel, bool standard_error, std::uint32_t after, std::string_view text) {
  auto next = after_.find({channel, after});
  if (next == after_.end()) next = after_.find({channel, 0});  // after the last request, or a mark that was made up
  if (next == after_.end()) return;
  const std::size_t step = next->second;
  const Part part{channel, step, standard_error};
  parts_[part].append(text);
  if (begun_.count({channel, step}) != 0) hand_on(part, false);
}

void LiveOutput::begin(std::size_t channel, std::size_t step) {
  begun_.insert({channel, step});
  for (const bool standard_error : {false, true}) hand_on({channel, step, standard_error}, false);
}

void LiveOutput::end(std::size_t channel, std::size_t step) {
  for (const bool standard_error : {false, true}) {
    hand_on({channel, step, standard_error}, true);
    parts_.erase({channel, step, standard_error});
  }
}

void LiveOutput::forget(std::size_t channel) {
  after_.erase(after_.lower_bound({channel, 0}), after_.lower_bound({channel + 1, 0}));
  begun_.erase(begun_.lower_bound({channel, 0}), begun_.lower_bound({channel + 1, 0}));
  parts_.erase(parts_.lower_bound({channel, 0, false}), parts_.lower_bound({channel + 1, 0, false}));
  last_.erase(channel);
}

}  // namespace qflow::engine
