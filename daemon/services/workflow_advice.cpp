#include "daemon/services/workflow_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "daemon/base/fault.hpp"
#include "daemon/base/text.hpp"
#include "daemon/flow/imports_hint.hpp"
#include "daemon/flow/plan.hpp"

namespace qflow::services {
namespace {

constexpr std::size_t kMostNames = 20;  // of nodes in one sentence
constexpr std::size_t kMostSuggestions = 1000;

std::vector<std::string> names_of(const flow::Graph& graph, const std::vector<std::size_t>& indexes) {
  std::vector<std::string> names;
  for (const std::size_t i : indexes) names.push_back(graph.nodes[i].name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  const auto shown = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNames));
  const std::string text = fmt::format("{}", fmt::join(names.begin(), shown, ", "));
  return shown == names.end() ? text : fmt::format("{} and {} more", text, names.end() - shown);
}

struct Neighbours {
  explicit Neighbours(const flow::Graph& graph) : before(graph.nodes.size()), after(graph.nodes.size()) {
    for (const auto& edge : graph.edges) {
      before[edge.to].push_back(edge.from);
      after[edge.from].push_back(edge.to);
    }
  }
  std::vector<std::vector<std::size_t>> before, after;
};

// The docstring's or the comment's first line, if the code begins with one; otherwise the function's head.
std::string first_words(const std::string& code) {
  for (const std::string quote : {"\"\"\"", "'''"}) {
    const auto open = code.find(quote);
    if (open == std::string::npos) continue;
    const auto close = code.find(quote, open + 3);
    std::string text = code.substr(open + 3, close == std::string::npos ? 200 : close - open - 3);
    text = text.substr(0, text.find('\n'));
    if (!text.empty()) return std::string(cut_utf8(text, 200));
  }
  const auto def = code.find("def ");
  if (def == std::string::npos) return "no function";
  return "calls `" + std::string(cut_utf8(code.substr(def + 4, code.find('\n', def) - def - 4), 160)) + "`";
}

std::string role_words(const flow::Node& node) {
  switch (node.role) {
    case flow::NodeRole::code:
      return first_words(node.code);
    case flow::NodeRole::ignored:
      return "a note";
    case flow::NodeRole::unknown:
      return fmt::format("a node of type {}, which this release does not run", node.type);
    default:
      return "starts the workflow";
  }
}

// The depth of each node: the length of its longest path from a start (Kahn's order). Nodes of equal depth do not need
// each other. Nodes of a cycle, which no order has, stay at the depth where they were left.
std::vector<std::size_t> depths(const Neighbours& around) {
  const std::size_t count = around.before.size();
  std::vector<std::size_t> depth(count), waits(count);
  std::deque<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i) {
    waits[i] = around.before[i].size();
    if (waits[i] == 0) ready.push_back(i);
  }
  for (; !ready.empty(); ready.pop_front())
    for (const std::size_t next : around.after[ready.front()]) {
      depth[next] = std::max(depth[next], depth[ready.front()] + 1);
      if (--waits[next] == 0) ready.push_back(next);
    }
  return depth;
}

void advise_imports(const flow::Node& node, std::vector<Advice::Suggestion>& found) {
  const auto imports = flow::imports_hint(node.code);
  for (const auto& heavy : {"pandas", "torch", "tensorflow", "scipy", "matplotlib"})
    if (std::find(imports.begin(), imports.end(), heavy) != imports.end())
      found.push_back({"imports", node.name,
                       fmt::format("it imports {}: the first execution after a start takes longer; later executions "
                                   "find it already imported",
                                   heavy)});
}

}  // namespace

Explanation explain_workflow(const flow::Graph& graph) {
  const Neighbours around(graph);
  Explanation out;
  std::vector<std::size_t> starts, ends;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const flow::Node& node = graph.nodes[i];
    if (node.role == flow::NodeRole::ignored) continue;
    if (around.before[i].empty()) starts.push_back(i);
    if (around.after[i].empty()) ends.push_back(i);
    out.nodes.push_back({node.id, node.name, role_words(node), names_of(graph, around.before[i]),
                         names_of(graph, around.after[i]), flow::imports_hint(node.code)});
  }
  out.text = fmt::format("{} node{}. It begins with {} and ends with {}; the outputs are the values of the last nodes.",
                         out.nodes.size(), out.nodes.size() == 1 ? "" : "s", joined(names_of(graph, starts)),
                         joined(names_of(graph, ends)));
  return out;
}

Advice advise(const flow::Graph& graph, const workers::Settings& settings) {
  const Neighbours around(graph);
  const auto depth = depths(around);
  Advice out;
  try {
    flow::make_plan(graph, settings);
  } catch (const Fault& fault) {
    out.suggestions.push_back({"error", "", fault.message});
  }
  std::map<std::size_t, std::vector<std::string>> levels;
  std::unordered_map<std::string_view, const flow::Node*> by_code;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const flow::Node& node = graph.nodes[i];
    if (node.role != flow::NodeRole::code) continue;
    levels[depth[i]].push_back(node.name);
    if (graph.nodes.size() > 1 && around.before[i].empty() && around.after[i].empty())
      out.suggestions.push_back({"unconnected", node.name, "it is not connected to any other node"});
    if (const auto [other, is_new] = by_code.emplace(node.code, &node); !is_new)
      out.suggestions.push_back(
          {"duplicate", node.name,
           fmt::format("its code equals that of \"{}\"; keep one copy in the node library", other->second->name)});
    advise_imports(node, out.suggestions);
    const bool own_sandbox = node.sandbox.memory || node.sandbox.cpu || node.sandbox.network || node.sandbox.tmp;
    if (own_sandbox && !around.before[i].empty())
      out.suggestions.push_back({"sandbox", node.name,
                                 "it has its own sandbox, so values reach it as JSON; give its neighbours the same "
                                 "sandbox if they may have it"});
  }
  if (out.suggestions.size() > kMostSuggestions) {
    const std::size_t more = out.suggestions.size() - kMostSuggestions;
    out.suggestions.resize(kMostSuggestions);
    out.suggestions.push_back({"more", "", fmt::format("{} more suggestions are not listed", more)});
  }
  for (auto& [level, names] : levels)
    if (names.size() > 1) out.independent.push_back(std::move(names));
  return out;
}

}  // namespace qflow::services
