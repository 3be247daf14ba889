#include "daemon/flow/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <set>

#include "daemon/base/fault.hpp"
#include "daemon/flow/imports_hint.hpp"
#include "daemon/flow/sandbox_request.hpp"

namespace qflow::flow {
namespace {

constexpr std::size_t kMaxSandboxes = 8;

[[noreturn]] void bad(std::string code, std::string message, const Node* node = nullptr) {
  json::object details;
  if (node != nullptr) details = {{"node", node->name}, {"node_id", node->id}};
  throw Fault(FaultKind::bad_input, std::move(code), std::move(message), std::move(details));
}

// "a → b → a": follows edges among the nodes that could not be ordered until a node repeats.
std::string describe_cycle(const Graph& graph, const std::vector<bool>& ordered) {
  std::vector<std::size_t> path;
  std::size_t at = 0;
  while (ordered[at]) ++at;
  // Backwards along an incoming edge from an unordered node: each unordered node has one.
  std::vector<std::size_t> before(graph.nodes.size());
  for (const Edge& edge : graph.edges)
    if (!ordered[edge.from]) before[edge.to] = edge.from;
  std::vector<bool> seen(graph.nodes.size(), false);
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    at = before[at];
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::string text = graph.nodes[at].name;
  for (auto node = path.rbegin(); node != path.rend(); ++node) text += " → " + graph.nodes[*node].name;
  return text;
}

// Kahn's algorithm; free nodes keep the document's order.
std::vector<std::size_t> order_of(const Graph& graph) {
  std::vector<std::size_t> missing(graph.nodes.size(), 0);
  std::vector<std::vector<std::size_t>> targets(graph.nodes.size());
  for (const Edge& edge : graph.edges) {
    ++missing[edge.to];
    targets[edge.from].push_back(edge.to);
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> free;
  for (std::size_t i = 0; i < missing.size(); ++i)
    if (missing[i] == 0) free.push(i);
  std::vector<std::size_t> order;
  std::vector<bool> ordered(graph.nodes.size(), false);
  while (!free.empty()) {
    const std::size_t node = free.top();
    free.pop();
    order.push_back(node);
    ordered[node] = true;
    for (const std::size_t target : targets[node])
      if (--missing[target] == 0) free.push(target);
  }
  if (order.size() < graph.nodes.size())
    bad("cyclic_workflow",
        fmt::format("the workflow has a cycle: {}; a workflow must have an end", describe_cycle(graph, ordered)));
  return order;
}

class Planner {
 public:
  Planner(const Graph& graph, const workers::Settings& settings)
      : graph_(graph), settings_(settings), incoming_(graph.nodes.size()) {
    for (const Edge& edge : graph.edges) incoming_[edge.to].push_back(&edge);
  }

  Plan make(const std::optional<std::string>& only) {
    const std::vector<std::size_t> order = order_of(graph_);
    std::vector<bool> wanted(graph_.nodes.size(), !only);
    std::optional<std::size_t> target;
    if (only) target = find_target(*only, wanted);
    Plan plan;
    plan.name = graph_.name;
    plan.types = graph_.types;
    plan.modules = graph_.modules;
    step_of_.assign(graph_.nodes.size(), std::nullopt);
    for (const std::size_t index : order) {
      const Node& node = graph_.nodes[index];
      if (!wanted[index]) continue;
      if (node.role == NodeRole::unknown)
        bad("unknown_node_type",
            fmt::format(
                "node \"{}\" has the type {}, which this release cannot run; Python nodes have the type qflow.python",
                node.name, node.type),
            &node);
      if (node.role != NodeRole::code) continue;
      step_of_[index] = plan.steps.size();
      if (target == index) plan.only = plan.steps.size();
      plan.steps.push_back(make_step(index, plan));
    }
    if (plan.steps.empty()) bad("empty_workflow", "the workflow has no node that runs");
    for (const Step& step : plan.steps)
      for (const Source& source : step.sources)
        if (source.step) plan.steps[*source.step].sink = false;
    settle(plan);
    return plan;
  }

 private:
  std::size_t find_target(const std::string& name, std::vector<bool>& wanted) const {
    const auto found = std::find_if(graph_.nodes.begin(), graph_.nodes.end(),
                                    [&](const Node& n) { return n.name == name || n.id == name; });
    if (found == graph_.nodes.end()) {
      std::string known;
      for (const Node& node : graph_.nodes) known += (known.empty() ? "" : ", ") + node.name;
      bad("missing_node", fmt::format("no node is named \"{}\"; nodes are: {}", name, known));
    }
    const auto target = static_cast<std::size_t>(found - graph_.nodes.begin());
    if (found->role != NodeRole::code)
      bad("not_runnable", fmt::format("node \"{}\" is disabled or runs no code", name), &*found);
    std::vector<std::size_t> todo{target};
    while (!todo.empty()) {
      const std::size_t node = todo.back();
      todo.pop_back();
      if (wanted[node]) continue;
      wanted[node] = true;
      for (const Edge* edge : incoming_[node]) todo.push_back(edge->from);
    }
    return target;
  }

  Step make_step(std::size_t index, Plan& plan) const {
    const Node& node = graph_.nodes[index];
    if (node.code.empty())
      bad("missing_code",
          node.file.empty()
              ? fmt::format("node \"{}\" has no code", node.name)
              : fmt::format(
                    "node \"{}\" names the file \"{}\"; files work with `qflow run` only, send the text as \"code\"",
                    node.name, node.file),
          &node);
    if (node.code.size() > (4U << 20U))
      bad("code_too_large", fmt::format("node \"{}\" has more than 4 MiB of code", node.name), &node);
    Step step;
    step.node = node;
    step.file = node.file.empty() ? node.name + ".py" : node.file;
    for (const Edge* edge : incoming_[index]) {
      std::optional<Source> source = resolve(*edge);
      if (source) step.sources.push_back(std::move(*source));
    }
    const Granted granted = settle_sandbox(node, graph_.sandbox, settings_);
    step.timeout = granted.seconds;
    const auto same = std::find(plan.sandboxes.begin(), plan.sandboxes.end(), granted.sandbox);
    step.group = static_cast<std::size_t>(same - plan.sandboxes.begin());
    if (same == plan.sandboxes.end()) plan.sandboxes.push_back(granted.sandbox);
    if (plan.sandboxes.size() > kMaxSandboxes)
      bad("too_many_sandboxes",
          fmt::format("node \"{}\": more than {} different sandboxes in one workflow; each is a process of its own",
                      node.name, kMaxSandboxes),
          &node);
    return step;
  }

  // Follows an edge back through disabled nodes to its actual source.
  std::optional<Source> resolve(const Edge& edge) const {
    const Edge* at = &edge;
    for (std::size_t hops = 0; hops <= graph_.nodes.size(); ++hops) {
      const Node& from = graph_.nodes[at->from];
      Source source{std::nullopt, at->output, at->output_port, edge.input, edge.input_port, edge.pointer};
      if (from.role == NodeRole::code) {
        source.step = step_of_[at->from];
        return source;
      }
      if (from.role == NodeRole::entry) return source;
      const auto& inputs = incoming_[at->from];
      const auto first = std::find_if(inputs.begin(), inputs.end(), [](const Edge* e) { return e->input == 0; });
      if (from.role == NodeRole::ignored || first == inputs.end()) return std::nullopt;
      at = *first;
    }
    return std::nullopt;
  }

  void settle(Plan& plan) const {
    std::set<std::string> imports;
    const Node* first = nullptr;
    for (const Step& step : plan.steps) {
      const Node& node = step.node;
      for (std::string& name : imports_hint(node.code)) imports.insert(std::move(name));
      const std::string version = node.python_version     ? *node.python_version
                                  : graph_.python_version ? *graph_.python_version
                                                          : settings_.default_python;
      workers::pyhost_for(settings_.pythons, version);
      if (plan.python.empty()) {
        plan.python = version;
        first = &node;
      } else if (plan.python != version) {
        bad("mixed_python_versions",
            fmt::format(
                "node \"{}\" asks for Python {}, node \"{}\" for {}; the nodes of one workflow run on one version",
                first->name, plan.python, node.name, version),
            &node);
      }
    }
    plan.environment = graph_.container;
    for (const auto& [name, source] : graph_.modules) imports.erase(name.substr(0, name.find('.')));
    plan.imports.assign(imports.begin(), imports.end());
  }

  const Graph& graph_;
  const workers::Settings& settings_;
  std::vector<std::vector<const Edge*>> incoming_;
  std::vector<std::optional<std::size_t>> step_of_;
};

}  // namespace

Plan make_plan(const Graph& graph, const workers::Settings& settings, const std::optional<std::string>& only) {
  return Planner(graph, settings).make(only);
}

}  // namespace qflow::flow
