#include "daemon/workers/output.hpp"

#include <algorithm>
#include <charconv>

#include "schema/messages.hpp"

namespace qflow::workers {
namespace {
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kLimitsInAll = 8;
constexpr std::size_t kMaxParts = 4096;  // a worker that forges marks gains no memory
constexpr std::size_t kMaxDenied = 16;
}  // namespace

OutputCutter::OutputCutter(std::string nonce, std::size_t limit) : limit_(limit) {
  mark_ = schema::output_mark(nonce, 0).substr(0, sandbox::kMarkLength);
}

void OutputCutter::keep(std::string_view text) {
  const std::size_t own = limit_ - std::min(limit_, current_.text.size());
  const std::string_view kept = text.substr(0, std::min(own, kLimitsInAll * limit_ - kept_));
  kept_ += kept.size();
  current_.text.append(kept);
  current_.dropped += text.size() - kept.size();
  if (live && !kept.empty()) live(last_, kept);
}

void OutputCutter::note(const sandbox::DeniedCall& call) {
  auto& known = current_.denied;
  if (known.size() < kMaxDenied && std::find(known.begin(), known.end(), call) == known.end()) known.push_back(call);
}

// After the mark comes ':' and the id of the load or call that ends here, or '!' and a call that was refused. Returns
// false until all of it has arrived.
bool OutputCutter::take_mark(std::string_view& rest) {
  if (rest.size() <= mark_.size()) return false;
  const char kind = rest[mark_.size()];
  const std::size_t whole = kind == '!' ? sandbox::kDenialLength : mark_.size() + 1 + kIdDigits + 1;
  if (rest.size() < whole) return false;
  const std::string_view body = rest.substr(mark_.size() + 1, whole - mark_.size() - 1);
  rest.remove_prefix(whole);
  if (kind == '!') {
    sandbox::DeniedCall call;
    if (sandbox::parse_denial(body, call)) note(call);
    return true;
  }
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + kIdDigits, id, 16);
  if (error == std::errc{} && end == body.data() + kIdDigits && parts_.size() < kMaxParts) {
    last_ = id;
    parts_.emplace(id, std::exchange(current_, {}));  // a loop's body ends under the same ids, round by round
  }
  return true;
}

void OutputCutter::feed(std::string_view bytes) {
  carry_.append(bytes);
  std::string_view rest = carry_;
  for (;;) {
    const auto at = rest.find(mark_);
    if (at == std::string_view::npos) {
      // A zero byte near the end may begin a mark; anything before it cannot.
      const std::size_t tail = std::min(rest.size(), mark_.size() - 1);
      const auto zero = rest.find('\0', rest.size() - tail);
      const std::size_t safe = zero == std::string_view::npos ? rest.size() : zero;
      keep(rest.substr(0, safe));
      rest.remove_prefix(safe);
      break;
    }
    keep(rest.substr(0, at));
    rest.remove_prefix(at);
    if (!take_mark(rest)) break;
  }
  carry_.assign(rest.data(), rest.size());
}

Captured OutputCutter::take(std::uint32_t id) {
  const auto found = parts_.lower_bound(id);
  const bool ended = found != parts_.end() && found->first == id;
  Captured part = ended ? std::move(found->second) : std::exchange(current_, {});
  if (ended) parts_.erase(found);
  kept_ -= part.text.size();
  return part;
}

}  // namespace qflow::workers
