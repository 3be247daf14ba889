#include "daemon/engine/live_output.hpp"

#include "daemon/observe/text.hpp"

namespace qflow::engine {
namespace {
constexpr std::size_t kLongest = 8U << 10U;
}

// A worker loads the modules of its steps in order and then calls them in order; Run numbers a load 2 * step + 1 and a
// call 2 * step + 2. What was written after one of these belongs to the next.
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

void LiveOutput::hand_on(bool standard_error, Part& part, std::size_t size) {
  if (size == 0) return;
  observer_(part.step, standard_error, to_utf8(std::string_view(part.text).substr(0, size)));
  part.text.erase(0, size);
}

void LiveOutput::feed(std::size_t group, bool standard_error, std::uint32_t after, std::string_view text) {
  Part& part = parts_[{group, standard_error}];
  if (const std::size_t step = step_after(group, after); step != part.step) {
    hand_on(standard_error, part, part.text.size());
    part.step = step;
  }
  part.text.append(text);
  const auto line = part.text.rfind('\n');
  if (line != std::string::npos) hand_on(standard_error, part, line + 1);
  while (part.text.size() >= kLongest) hand_on(standard_error, part, cut_utf8(part.text, kLongest).size());
}

void LiveOutput::flush() {
  for (auto& [key, part] : parts_) hand_on(key.second, part, part.text.size());
}

}  // namespace qflow::engine
