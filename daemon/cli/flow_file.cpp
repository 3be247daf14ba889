#include "daemon/cli/flow_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "daemon/base/text.hpp"
#include "daemon/flow/imports_hint.hpp"
#include "daemon/flow/unknown_members.hpp"
#include "daemon/flow/workflow_reader.hpp"
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
  json::value value = schema::parse_json(without_mark(read_text(path, what)), error, 128);
  if (!error.empty()) throw bad_flow("invalid_json", fmt::format("{} {} is not JSON: {}", what, path, error));
  return value;
}

namespace {

constexpr std::size_t kMostModules = 200;

// Reads NAME.py, or the package NAME, that lies beside the flow.
class ModulesBeside {
 public:
  ModulesBeside(const fs::path& directory, WatchedFiles* watched) : directory_(directory), watched_(watched) {}

  // The modules that `code` imports, and those that these import.
  void follow(const std::string& code) {
    for (const std::string& name : flow::imports_hint(code)) {
      if (seen_.insert(name).second) read(name);
    }
  }
  std::map<std::string, std::string> found;

 private:
  void read(const std::string& name) {
    std::error_code error;
    if (watched_ != nullptr) watched_->add(directory_ / (name + ".py"));
    if (fs::is_regular_file(directory_ / (name + ".py"), error)) return add(name, directory_ / (name + ".py"));
    if (!fs::is_directory(directory_ / name, error)) return;
    if (!fs::exists(directory_ / name / "__init__.py", error)) return;
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / name, error)) {
      if (entry.path().extension() != ".py" || !entry.is_regular_file(error)) continue;
      std::string module = entry.path().lexically_relative(directory_).replace_extension().string();
      std::replace(module.begin(), module.end(), '/', '.');
      if (module.ends_with(".__init__")) module.resize(module.size() - 9);
      add(module, entry.path());
    }
  }
  void add(const std::string& name, const fs::path& path) {
    if (found.size() >= kMostModules)
      throw bad_flow("too_many_modules", fmt::format("{}: more than {} modules beside the flow", name, kMostModules));
    if (found.count(name) != 0) return;
    if (watched_ != nullptr) watched_->add(path);
    found[name] = without_mark(read_text(path, "module"));
    follow(found[name]);
  }
  const fs::path& directory_;
  WatchedFiles* watched_;
  std::set<std::string> seen_;
};

// Where a node names a file, next to it.
void put_code(json::object& node, const std::string& code) {
  json::object* place = &node;
  for (const char* inner : {"data", "parameters"})
    if (json::value* value = node.if_contains(inner);
        value != nullptr && value->is_object() && value->get_object().contains("file"))
      place = &value->get_object();
  (*place)["code"] = code;
}

}  // namespace

LocalFlow read_flow(const std::string& path, WatchedFiles* watched) {
  LocalFlow out;
  const bool from_stdin = path == "-";
  if (watched != nullptr && !from_stdin) watched->add(fs::absolute(path));
  out.text = without_mark(read_text(from_stdin ? "/dev/stdin" : path, "workflow"));
  out.directory = from_stdin ? fs::current_path() : fs::absolute(path).parent_path();
  out.name = from_stdin ? "stdin" : fs::path(path).stem().string();
  std::string error;
  json::value document = schema::parse_json(out.text, error, 128);
  if (!error.empty())
    throw bad_flow(
        "invalid_json",
        path.ends_with(".py")
            ? fmt::format("{} is Python and not a workflow: name it in one as \"file\"; `qflow init` makes one", path)
            : fmt::format("workflow {} is not JSON: {}", path, error));
  if (!document.is_object())
    throw bad_flow("invalid_workflow",
                   fmt::format("workflow {} must be a JSON object with nodes and connections", path));
  out.document = std::move(document.get_object());
  json::array problems;
  flow::Graph graph = flow::read_workflow(out.document, problems);
  read_node_files(graph, out.directory, watched);
  ModulesBeside modules(out.directory, watched);
  for (const flow::Node& node : graph.nodes) {
    modules.follow(node.code);
    if (node.file.empty() || node.role != flow::NodeRole::code || !node.pointer.starts_with("/nodes/")) continue;
    const std::size_t index = std::stoul(node.pointer.substr(7));
    put_code(out.document["nodes"].as_array()[index].as_object(), node.code);
  }
  if (modules.found.empty()) return out;
  json::value& all = out.document["modules"];
  if (!all.is_object()) all = json::object();
  for (auto& [name, source] : modules.found)
    if (!all.get_object().contains(name)) all.get_object()[name] = source;
  return out;
}

void refuse_misspelt(const LocalFlow& flow) {
  std::string text;
  for (const flow::UnknownMember& one : flow::unknown_members(flow.document))
    if (!one.like.empty()) text += (text.empty() ? "" : "\n  ") + one.sentence();
  if (!text.empty()) throw bad_flow("unknown_member", text);
}

void read_node_files(flow::Graph& graph, const fs::path& directory, WatchedFiles* watched) {
  for (flow::Node& node : graph.nodes) {
    if (node.role != flow::NodeRole::code || node.file.empty() || !node.code.empty()) continue;
    std::error_code error;
    const fs::path path = fs::weakly_canonical(directory / node.file, error);
    const fs::path base = fs::weakly_canonical(directory, error);
    const auto relative = path.lexically_relative(base);
    if (fs::path(node.file).is_absolute() || relative.empty() || *relative.begin() == "..")
      throw bad_flow("file_outside", fmt::format("node \"{}\": file \"{}\" is outside the flow's folder {}", node.name,
                                                 node.file, base.string()));
    if (watched != nullptr) watched->add(path);
    node.code = without_mark(read_text(path, fmt::format("node \"{}\": file", node.name)));
  }
}

std::size_t line_of(const std::string& text, const std::string& pointer) {
  const std::size_t at = std::min(Walker(text).find(pointer), text.size());
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

}  // namespace qflow::cli
