#include "daemon/cli/flow_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/pointer.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 256U << 20U;

// Walks along valid JSON text to the value at a pointer.
class Walker {
 public:
  explicit Walker(const std::string& text) : text_(text) {}

  std::size_t find(std::string_view pointer) {
    skip();
    while (pointer.starts_with('/')) {
      pointer.remove_prefix(1);
      const auto slash = pointer.find('/');
      const std::string part = schema::unescape_pointer(pointer.substr(0, slash));
      pointer.remove_prefix(slash == std::string_view::npos ? pointer.size() : slash);
      if (!enter(part)) break;
    }
    return at_;
  }

 private:
  void skip() {
    while (at_ < text_.size() && std::string_view(" \t\r\n,:").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  std::string string() {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size()) out += text_[at_];
    }
    ++at_;
    return out;
  }
  void pass_value() {
    skip();
    int depth = 0;
    do {
      if (at_ >= text_.size()) return;
      const char c = text_[at_];
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
      if (depth == 0 && c != '}' && c != ']')
        while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
    } while (depth > 0);
  }
  // Moves to the member or element `part` of the value here; stays in place when there is none.
  bool enter(const std::string& part) {
    const std::size_t before = at_;
    const bool object = text_[at_] == '{';
    if (!object && text_[at_] != '[') return false;
    ++at_;
    for (std::size_t index = 0;; ++index) {
      skip();
      if (at_ >= text_.size() || text_[at_] == '}' || text_[at_] == ']') break;
      const std::string name = object ? string() : std::to_string(index);
      skip();
      if (name == part) return true;
      pass_value();
    }
    at_ = before;
    return false;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

Fault bad_flow(std::string code, std::string message) {
  return {FaultKind::bad_input, std::move(code), std::move(message)};
}

std::string read_text(const std::string& path, const std::string& what) {
  try {
    std::string text = sandbox::read_file(path, kMaxFile);
    if (text.size() == kMaxFile)
      throw bad_flow("too_large", fmt::format("{} {}: larger than {} MiB", what, path, kMaxFile >> 20U));
    return text;
  } catch (const sandbox::SysError& error) {
    throw bad_flow("unreadable", fmt::format("{} {}: {}", what, path, error.code().message()));
  }
}

json::value parse_file(const std::string& path, const std::string& what) {
  std::string error;
  json::value value = schema::parse_json(read_text(path, what), error, 128);
  if (!error.empty()) throw bad_flow("invalid_json", fmt::format("{} {} is not JSON: {}", what, path, error));
  return value;
}

void read_node_files(flow::Graph& graph, const fs::path& directory) {
  for (flow::Node& node : graph.nodes) {
    if (node.role != flow::NodeRole::code || node.file.empty() || !node.code.empty()) continue;
    std::error_code error;
    const fs::path path = fs::weakly_canonical(directory / node.file, error);
    const fs::path base = fs::weakly_canonical(directory, error);
    const auto relative = path.lexically_relative(base);
    if (fs::path(node.file).is_absolute() || relative.empty() || *relative.begin() == "..")
      throw bad_flow("file_outside", fmt::format("node \"{}\": file \"{}\" is outside the flow's folder {}", node.name,
                                                 node.file, base.string()));
    node.code = read_text(path, fmt::format("node \"{}\": file", node.name));
  }
}

std::size_t line_of(const std::string& text, const std::string& pointer) {
  const std::size_t at = std::min(Walker(text).find(pointer), text.size());
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

}  // namespace qflow::cli
