#include "daemon/engine/live_output.hpp"

#include "daemon/base/text.hpp"

namespace qflow::engine {
namespace {
constexpr std::size_t kLongest = 8U << 10U;
}

// A worker loads the modules of its steps in order and then calls them in order; Run numbers a load 2 * step + 1 and a
// call 2 * step + 2. Text written after the mark of one belongs to the next.
std::size_t LiveOutput::step_after(std::size_t group, std::uint32_t mark) const {
  const std::size_t none = plan_.steps.size();
  const auto next = [&](std::size_t from) {
    for (std::size_t i = from; i < none; ++i)
      if (plan_.steps[i].group == group) return i;
    return none;
  };
  const std::size_t first = next(0);
  if (mark == 0) return first;
  const std::size_t step = (mark - 1) / 2;
  const std::size_t following = step < none ? next(step + 1) : none;
  if (following != none) return following;
  return mark % 2 == 1 ? first : std::min(step, none - 1);  // after the last load comes the first call
}

void LiveOutput::hand_on(std::size_t step, bool standard_error, bool all) {
  const auto found = parts_.find({step, standard_error});
  if (found == parts_.end()) return;
  std::string& text = found->second;
  const auto give = [&](std::size_t size) {
    if (size == 0) return;
    observer_(step, standard_error, to_utf8(std::string_view(text).substr(0, size)));
    text.erase(0, size);
  };
  const auto line = text.rfind('\n');
  if (line != std::string::npos) give(line + 1);
  while (text.size() >= kLongest) give(cut_utf8(text, kLongest).size());
  if (all) give(text.size());
}

void LiveOutput::feed(std::size_t group, bool standard_error, std::uint32_t after, std::string_view text) {
  const std::size_t step = step_after(group, after);
  parts_[{step, standard_error}].append(text);
  if (begun_.count(step) != 0) hand_on(step, standard_error, false);
}

void LiveOutput::begin(std::size_t step) {
  begun_.insert(step);
  for (const bool standard_error : {false, true}) hand_on(step, standard_error, false);
}

void LiveOutput::end(std::size_t step) {
  for (const bool standard_error : {false, true}) {
    hand_on(step, standard_error, true);
    parts_.erase({step, standard_error});
  }
}

}  // namespace qflow::engine
