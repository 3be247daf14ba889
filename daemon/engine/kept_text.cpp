#include "daemon/engine/kept_text.hpp"

#include <algorithm>

#include "daemon/base/text.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kAllOutput = 32U << 20U;
constexpr std::size_t kAllTexts = 8U << 20U;
constexpr std::size_t kOneText = 64U << 10U;

}  // namespace

std::string KeptText::keep(std::string_view text) {
  const std::string_view kept = cut_utf8(text, std::min(kOneText, kAllTexts - texts_));
  texts_ += kept.size();
  return kept.size() < text.size() ? std::string(kept) + "…" : std::string(kept);
}

void KeptText::keep_output(workers::Captured& whole, const workers::Captured& part, std::size_t most) {
  const std::size_t own = most - std::min(most, whole.text.size());
  const std::size_t taken = std::min({own, kAllOutput - output_, part.text.size()});
  whole.dropped += part.dropped + (part.text.size() - taken);
  whole.text.append(cut_utf8(part.text, taken));
  output_ += taken;
}

}  // namespace qflow::engine
