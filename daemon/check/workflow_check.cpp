#include "daemon/check/workflow_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/flow/unknown_members.hpp"
#include "daemon/flow/workflow_reader.hpp"

namespace qflow::check {
namespace {

using Severity = Finding::Severity;

Finding finding_of(const Fault& fault) {
  Finding out;
  out.code = fault.code;
  out.message = fault.message;
  const auto text = [&](const char* name) {
    const json::value* value = fault.details.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string();
  };
  out.node = text("node");
  out.node_id = text("node_id");
  out.pointer = text("pointer");
  return out;
}

void add_document_problems(const json::array& problems, std::vector<Finding>& findings) {
  for (const auto& problem : problems) {
    Finding one;
    one.code = std::string_view(problem.at("code").as_string());
    one.pointer = std::string_view(problem.at("pointer").as_string());
    one.message = one.pointer + ": " + std::string(std::string_view(problem.at("message").as_string()));
    findings.push_back(std::move(one));
  }
}

// Removes a connection of a cycle, so that the rest can be checked: one between two nodes that cannot be ordered.
bool break_cycle(flow::Graph& graph) {
  std::vector<std::size_t> missing(graph.nodes.size(), 0);
  for (const flow::Edge& edge : graph.edges) ++missing[edge.to];
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < missing.size(); ++i)
    if (missing[i] == 0) free.push_back(i);
  std::vector<bool> ordered(graph.nodes.size(), false);
  while (!free.empty()) {
    const std::size_t node = free.back();
    free.pop_back();
    ordered[node] = true;
    for (const flow::Edge& edge : graph.edges)
      if (edge.from == node && --missing[edge.to] == 0) free.push_back(edge.to);
  }
  const auto last = std::find_if(graph.edges.rbegin(), graph.edges.rend(),
                                 [&](const flow::Edge& edge) { return !ordered[edge.from] && !ordered[edge.to]; });
  if (last == graph.edges.rend()) return false;
  graph.edges.erase(std::next(last).base());
  return true;
}

// Plans as much as can be planned: a node that cannot run is reported and set aside, so that the others are checked.
std::optional<flow::Plan> plan_around(flow::Graph graph, const workers::Settings& settings,
                                      std::vector<Finding>& findings) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    try {
      return flow::make_plan(graph, settings);
    } catch (const Fault& fault) {
      Finding finding = finding_of(fault);
      const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                     [&](const flow::Node& one) { return one.id == finding.node_id; });
      if (fault.code == "empty_workflow" && !findings.empty()) return std::nullopt;
      const bool cycle = fault.code == "cyclic_workflow";
      if (node != graph.nodes.end() && finding.pointer.empty()) finding.pointer = node->pointer;
      findings.push_back(std::move(finding));
      // Several connections of a cycle may have to be removed; it is reported once.
      if (cycle && attempt > 0 && findings.size() > 1 && findings[findings.size() - 2].code == "cyclic_workflow")
        findings.pop_back();
      if (cycle && break_cycle(graph)) continue;
      if (cycle) graph.edges.clear();
      else if (node != graph.nodes.end()) node->role = flow::NodeRole::ignored;
      else return std::nullopt;
    }
  }
  return std::nullopt;
}

class NodeFindings {
 public:
  NodeFindings(const flow::Plan& plan, std::vector<Finding>& out) : plan_(plan), out_(out) {}

  void add(std::size_t step, const schema::NodeDescription& d) {
    const flow::Node& node = plan_.steps[step].node;
    if (plan_.steps[step].is_flow()) return add_expression(node, d);
    add_imports(node, d);
    if (!d.error.empty() && !missing_) {
      put(node, Severity::error, "code_error", d.error, d.error_line);
      if (d.find(node.function.value_or("")) != nullptr && !d.functions.empty())
        out_.back().details["description"] = "static";
    }
    for (const std::string& warning : d.warnings) put(node, Severity::error, "ambiguous_function", warning, 0);
    for (const std::string& reason : d.unresolved) put(node, Severity::warning, "unresolved_annotation", reason, 0);
    const workers::Sandbox& sandbox = plan_.sandboxes[plan_.steps[step].group];
    for (const auto& finding : d.findings) {
      if (finding.needs == "network" && sandbox.network == sandbox::Network::host) continue;
      if (finding.needs == "programs" && sandbox.programs) continue;
      put(node, Severity::warning, finding.code, finding.message, finding.line);
    }
  }

 private:
  void put(const flow::Node& node, Severity severity, std::string code, const std::string& message, std::int32_t line) {
    Finding finding;
    finding.severity = severity;
    finding.code = std::move(code);
    finding.message = fmt::format("node \"{}\": {}", node.name, message);
    finding.node = node.name;
    finding.node_id = node.id;
    finding.pointer = node.pointer;
    finding.line = line;
    out_.push_back(std::move(finding));
  }

  // "SyntaxError: parameters/rules/0/when: invalid syntax (line 1)"
  void add_expression(const flow::Node& node, const schema::NodeDescription& d) {
    if (d.error.empty()) return;
    put(node, Severity::error, "invalid_expression", d.error, 0);
    const auto at = d.error.find("parameters/");
    const auto end = d.error.find(": ", at);
    if (at != std::string::npos && end != std::string::npos)
      out_.back().pointer = node.pointer + "/" + d.error.substr(at, end - at);
  }

  void add_imports(const flow::Node& node, const schema::NodeDescription& d) {
    missing_ = false;
    for (const auto& import : d.imports) {
      if (import.present || import.optional) continue;
      // An import without which the module cannot load is an error; an import inside a function may never be reached.
      const bool raised = d.error.find("No module named '" + import.module + "'") != std::string::npos ||
                          d.error.find("No module named '" + import.module + ".") != std::string::npos;
      // An import that the module did without when it was loaded is in a branch that is not taken here.
      const bool passed_by = import.top && !raised && d.source == "live" && d.error.empty();
      if (passed_by) continue;
      const bool fatal = raised || import.top;
      missing_ = missing_ || raised;
      const std::string name = import.distributions.empty() ? import.module : import.distributions.front();
      put(node, fatal ? Severity::error : Severity::warning, "missing_package",
          fmt::format("imports {}, which Python {} here does not have; {}", import.module, plan_.python,
                      name == import.module
                          ? "is it a module that should lie beside the flow, or one of a package that is not installed?"
                          : "it is in the package " + name +
                                ": install that in a virtual environment, and name it with --venv"),
          import.line);
      out_.back().details = {{"module", import.module}, {"distributions", json::value_from(import.distributions)}};
    }
  }

  const flow::Plan& plan_;
  std::vector<Finding>& out_;
  bool missing_ = false;
};

}  // namespace

Task<WorkflowCheck> check_plan(Describer& describer, flow::Plan plan, CatalogPtr catalog, CheckScope options) {
  WorkflowCheck out;
  std::vector<NodeSource> sources = sources_of(plan, options.who);
  if (options.known_only) out.descriptions = co_await describer.known(std::move(sources));
  else out.descriptions = co_await describer.describe(std::move(sources));
  if (!options.types_only) {
    NodeFindings nodes(plan, out.findings);
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
      if (out.descriptions[i] && plan.steps[i].node.type != "qflow.convert") nodes.add(i, *out.descriptions[i]);
  }
  Look look;
  look.types_only = options.types_only;
  for (Finding& one : check_types(plan, types_of(plan, out.descriptions), *catalog, look))
    out.findings.push_back(std::move(one));
  out.plan = std::move(plan);
  co_return out;
}

Task<WorkflowCheck> check_workflow(Describer& describer, const json::object& document,
                                   std::shared_ptr<const workers::Settings> settings, CatalogPtr catalog,
                                   CheckScope options, std::function<void(flow::Graph&)> prepare) {
  WorkflowCheck out;
  std::optional<flow::Plan> plan;
  try {
    json::array problems;
    flow::Graph graph = flow::read_workflow(document, problems);
    add_document_problems(problems, out.findings);
    for (const flow::UnknownMember& one : flow::unknown_members(document)) {
      Finding finding;
      finding.severity = Severity::warning;
      finding.code = "unknown_member";
      finding.pointer = one.pointer;
      finding.message = one.sentence();
      out.findings.push_back(std::move(finding));
    }
    if (prepare) prepare(graph);
    plan = plan_around(std::move(graph), *settings, out.findings);
  } catch (const Fault& fault) {
    out.findings.push_back(finding_of(fault));
  }
  if (!plan) co_return out;
  // The parts that could not be planned leave gaps, which are not findings of their own.
  WorkflowCheck rest = co_await check_plan(describer, std::move(*plan), std::move(catalog), options);
  rest.findings.insert(rest.findings.begin(), std::make_move_iterator(out.findings.begin()),
                       std::make_move_iterator(out.findings.end()));
  co_return rest;
}

}  // namespace qflow::check
