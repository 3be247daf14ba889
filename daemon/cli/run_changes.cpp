#include "daemon/cli/run_changes.hpp"

#include <fmt/format.h>

#include <map>

#include "daemon/base/text.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kShown = 120;  // bytes of a value

std::map<std::string, const json::object*> by_id(const json::object& report) {
  std::map<std::string, const json::object*> nodes;
  for (const json::value& node : report.at("nodes").as_array())
    nodes.emplace(std::string(node.at("id").as_string()), &node.as_object());
  return nodes;
}

std::string shown(const json::value& value) {
  const std::string text = schema::write_json(value);
  return text.size() <= kShown ? text : std::string(cut_utf8(text, kShown)) + "…";
}

// How a node ended: its value, or its error.
std::string end_of(const json::object& node) {
  if (const json::value* error = node.if_contains("error"))
    return fmt::format("{}: {}", std::string_view(error->at("type").as_string()),
                       std::string_view(error->at("message").as_string()));
  if (const json::value* value = node.if_contains("value")) return shown(*value);
  return std::string(std::string_view(node.at("status").as_string()));
}

bool same(const json::object& a, const json::object& b) {
  const auto member = [](const json::object& node, const char* name) {
    const json::value* value = node.if_contains(name);
    return value == nullptr ? json::value() : *value;
  };
  for (const char* name : {"outcome", "type", "value"})
    if (member(a, name) != member(b, name)) return false;
  const json::value one = member(a, "error"), other = member(b, "error");
  if (!one.is_object() || !other.is_object()) return one == other;
  return one.at("type") == other.at("type") && one.at("message") == other.at("message");
}

}  // namespace

std::vector<std::string> run_changes(const json::object& before, const json::object& after) {
  std::vector<std::string> lines;
  auto old = by_id(before);
  for (const json::value& one : after.at("nodes").as_array()) {
    const json::object& node = one.as_object();
    const std::string name(node.at("name").as_string());
    const auto found = old.find(std::string(node.at("id").as_string()));
    if (found == old.end()) {
      lines.push_back(fmt::format("{}: new: {}", name, end_of(node)));
      continue;
    }
    if (!same(*found->second, node)) {
      const std::string was = end_of(*found->second), is = end_of(node);
      // What differs may lie beyond what is shown.
      if (was == is) lines.push_back(fmt::format("{}: another value that begins with {}", name, is));
      else lines.push_back(fmt::format("{}: {} → {}", name, was, is));
    }
    old.erase(found);
  }
  for (const auto& [id, node] : old)
    lines.push_back(fmt::format("{}: gone", std::string_view(node->at("name").as_string())));
  return lines;
}

}  // namespace qflow::cli
