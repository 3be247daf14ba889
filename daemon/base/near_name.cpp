#include "daemon/base/near_name.hpp"

#include <algorithm>
#include <array>

namespace qflow {
namespace {

constexpr std::size_t kLongest = 64;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

// Optimal string alignment: insertions, deletions, substitutions and exchanges of neighbours.
std::size_t distance(const std::string& a, const std::string& b) {
  std::array<std::array<std::size_t, kLongest + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& higher = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], higher[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string near_name(std::string_view written, const std::vector<std::string>& known) {
  if (written.empty() || written.size() > kLongest) return {};
  const std::string wanted = lower(written);
  std::string best;
  std::size_t least = wanted.size() <= 3 ? 2 : 3;  // one letter in a short name, two in a longer one
  for (const std::string& name : known) {
    if (name.size() > kLongest) continue;
    const std::string other = lower(name);
    std::size_t far = distance(wanted, other);
    const bool begins =
        std::min(wanted.size(), other.size()) >= 3 && (other.starts_with(wanted) || wanted.starts_with(other));
    if (far >= least && begins) far = least - 1;
    if (far >= least) continue;
    least = far;
    best = name;
  }
  return best;
}

std::string near_member(std::string_view written, const std::vector<std::string>& known) {
  std::string like = near_name(written, known);
  const bool begins = written.starts_with(like) || (like.starts_with(written) && like[written.size()] != '_');
  return begins ? std::string() : like;
}

std::string did_you_mean(std::string_view written, const std::vector<std::string>& known) {
  const std::string name = near_name(written, known);
  return name.empty() ? "" : "; did you mean " + name + "?";
}

}  // namespace qflow
