#include "daemon/flow/imports_hint.hpp"

#include <algorithm>
#include <set>

namespace qflow::flow {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

void add(std::set<std::string>& names, std::string_view name) {
  // Our own modules exist in workers only.
  if (!name.empty() && name.size() <= 64 && name != "nodes" && name != "qflow" && name != "__future__" &&
      names.size() < 16)
    names.emplace(name);
}

}  // namespace

std::vector<std::string> imports_hint(std::string_view code) {
  std::set<std::string> names;
  while (!code.empty()) {
    const auto end = code.find('\n');
    std::string_view line = code.substr(0, end);
    code.remove_prefix(end == std::string_view::npos ? code.size() : end + 1);
    const std::string_view first = next_word(line);
    if (first == "from") {
      add(names, next_word(line));
    } else if (first == "import") {
      // import a.b as c, d
      do {
        add(names, next_word(line));
        const auto comma = line.find(',');
        line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
      } while (!line.empty());
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace qflow::flow
