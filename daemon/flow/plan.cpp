#include "daemon/flow/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/control_problems.hpp"
#include "daemon/flow/imports_hint.hpp"
#include "daemon/flow/loops.hpp"
#include "daemon/flow/sandbox_request.hpp"

namespace qflow::flow {
namespace {

constexpr std::size_t kMaxSandboxes = 8;

[[noreturn]] void bad(std::string code, std::string message, const Node* node = nullptr, std::string pointer = {}) {
  json::object details;
  if (node != nullptr) details = {{"node", node->name}, {"node_id", node->id}};
  if (!pointer.empty()) details["pointer"] = std::move(pointer);
  throw Fault(FaultKind::bad_input, std::move(code), std::move(message), std::move(details));
}

class Planner {
 public:
  Planner(const Graph& graph, const workers::Settings& settings)
      : graph_(graph), settings_(settings), incoming_(graph.nodes.size()) {
    for (const Edge& edge : graph.edges) incoming_[edge.to].push_back(&edge);
  }

  Plan make(const std::optional<std::string>& only, const std::set<std::string>& given) {
    std::vector<bool> runs(graph_.nodes.size(), !only);
    std::optional<std::size_t> target;
    if (only) target = find_target(*only, given, runs);
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i] = runs[i] && is_run(graph_.nodes[i]);
    Plan plan;
    plan.name = graph_.name;
    plan.types = graph_.types;
    plan.modules = graph_.modules;
    step_of_.assign(graph_.nodes.size(), std::nullopt);
    if (!only && !given.empty()) leave_out(given, runs);
    std::vector<Placed> order;
    try {
      order = order_of(graph_, runs, wires_among(runs));
    } catch (const Fault& fault) {
      if (given.empty() || fault.code != "invalid_loop") throw;
      return make(only, {});  // a body of which a part was left out
    }
    for (std::size_t i = 0; i < order.size(); ++i) step_of_[order[i].node] = i;
    for (const Placed& placed : order) {
      if (target == placed.node) plan.only = plan.steps.size();
      plan.steps.push_back(make_step(placed, plan));
    }
    if (plan.steps.empty()) bad("empty_workflow", "the workflow has no node that runs");
    for (Step& step : plan.steps) {
      if (step.loop || step.node.control == Control::stop) step.sink = false;
      // What a loop hands on is its first output; the second is for its body.
      for (const Source& source : step.sources)
        if (source.step && !(is_loop(plan.steps[*source.step].node.control) && source.output == 1))
          plan.steps[*source.step].sink = false;
    }
    mark_copies(plan);
    if (graph_.parallel != Parallel::off) mark_splits(plan);
    settle(plan);
    plan.timeout = graph_.timeout;
    plan.parallel = graph_.parallel;
    plan.checkpoint = graph_.checkpoint;
    plan.error_workflow = graph_.error_workflow;
    return plan;
  }

 private:
  // A value that is taken several times is copied for all but the last taker; in a loop that is not the value's own,
  // for every round.
  static void mark_copies(Plan& plan) {
    std::vector<std::size_t> last(plan.steps.size(), 0);
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
      for (const Source& source : plan.steps[i].sources) {
        if (!source.step) continue;
        Step& from = plan.steps[*source.step];
        from.shared = from.shared || (last[*source.step] > 0 && last[*source.step] != i);
        last[*source.step] = std::max(last[*source.step], i);
      }
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
      for (Source& source : plan.steps[i].sources)
        if (source.step)
          source.copy = i < last[*source.step] || plan.steps[i].is_guarded() ||
                        (plan.steps[i].loop != plan.steps[*source.step].loop && plan.steps[i].loop != source.step);
  }

  // Where a unit (a step, or a loop with its body) is about to start and a later one of the same body could, too,
  // because all that it needs comes before.
  static void mark_splits(Plan& plan) {
    std::map<std::optional<std::size_t>, std::vector<std::size_t>> bodies;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) bodies[plan.steps[i].loop].push_back(i);
    for (const auto& [loop, units] : bodies) {
      std::vector<std::size_t> place(plan.steps.size(), 0);  // among the units, from 1; 0: outside
      for (std::size_t at = 0; at < units.size(); ++at)
        for (std::size_t k = units[at]; k < std::max(units[at] + 1, plan.steps[units[at]].body_end); ++k)
          place[k] = at + 1;
      std::vector<int> begins(units.size() + 1, 0);
      for (std::size_t at = 0; at < units.size(); ++at) {
        std::size_t after = 0;  // the last unit that it needs, from 1
        for (std::size_t k = units[at]; k < std::max(units[at] + 1, plan.steps[units[at]].body_end); ++k)
          for (const Source& source : plan.steps[k].sources)
            if (source.step && place[*source.step] != at + 1) after = std::max(after, place[*source.step]);
        if (after >= at) continue;
        ++begins[after];
        --begins[at];
      }
      int open = 0;
      for (std::size_t at = 0; at < units.size(); ++at) {
        open += begins[at];
        plan.steps[units[at]].splits = open > 0;
      }
    }
  }

  // What only nodes take whose values are given need not run. What nobody takes runs.
  void leave_out(const std::set<std::string>& given, std::vector<bool>& runs) const {
    std::vector<bool> needed(runs.size(), false), taken(runs.size(), false);
    for (const Edge& edge : graph_.edges) taken[edge.from] = true;
    std::vector<std::size_t> todo;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (!taken[i] || given.count(graph_.nodes[i].name) != 0) todo.push_back(i);
    while (!todo.empty()) {
      const std::size_t node = todo.back();
      todo.pop_back();
      if (needed[node]) continue;
      needed[node] = true;
      if (given.count(graph_.nodes[node].name) != 0) continue;
      for (const Edge* edge : incoming_[node]) todo.push_back(edge->from);
    }
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i] = runs[i] && needed[i];
  }

  std::size_t find_target(const std::string& name, const std::set<std::string>& given,
                          std::vector<bool>& wanted) const {
    const auto found = std::find_if(graph_.nodes.begin(), graph_.nodes.end(),
                                    [&](const Node& n) { return n.name == name || n.id == name; });
    if (found == graph_.nodes.end()) {
      std::string known;
      for (const Node& node : graph_.nodes) known += (known.empty() ? "" : ", ") + node.name;
      bad("missing_node", fmt::format("no node is named \"{}\"; nodes are: {}", name, known));
    }
    const auto target = static_cast<std::size_t>(found - graph_.nodes.begin());
    if (found->role != NodeRole::code && found->role != NodeRole::flow)
      bad("not_runnable", fmt::format("node \"{}\" is disabled or runs no code", name), &*found);
    std::vector<std::size_t> todo{target};
    while (!todo.empty()) {
      const std::size_t node = todo.back();
      todo.pop_back();
      if (wanted[node]) continue;
      wanted[node] = true;
      if (node != target && given.count(graph_.nodes[node].name) != 0) continue;
      for (const Edge* edge : incoming_[node]) todo.push_back(edge->from);
    }
    return target;
  }

  // Whether a node runs. Throws for one whose type this release cannot run.
  static bool is_run(const Node& node) {
    if (node.role == NodeRole::unknown)
      bad("unknown_node_type",
          fmt::format(
              "node \"{}\" has the type {}, which this release cannot run; Python nodes have the type qflow.python",
              node.name, node.type),
          &node);
    return node.role == NodeRole::code || node.role == NodeRole::flow;
  }

  std::vector<Wire> wires_among(const std::vector<bool>& runs) const {
    std::vector<Wire> wires;
    for (std::size_t to = 0; to < runs.size(); ++to) {
      if (!runs[to]) continue;
      for (const Edge* edge : incoming_[to]) {
        const std::optional<Origin> origin = origin_of(*edge);
        if (!origin) continue;
        const Node& node = graph_.nodes[to];
        const bool closes = closes_loop(node, *edge);
        if (origin->node) {
          if (runs[*origin->node])
            wires.push_back({*origin->node, to, output_of(graph_.nodes[*origin->node], *origin->edge), closes, edge});
        } else if (closes) {
          bad("invalid_loop", fmt::format("loop \"{}\": its closing input is connected with a trigger", node.name),
              &node, edge->pointer);
        }
      }
    }
    return wires;
  }

  void check_code(const Node& node) const {
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
  }

  static void check_errors(const Node& node) {
    const bool guarded = node.tries.most > 1 || node.on_error != OnError::stop;
    if (guarded && (is_loop(node.control) || node.control == Control::stop || node.control == Control::wait ||
                    node.control == Control::workflow))
      bad("invalid_parameter",
          fmt::format("node \"{}\": retryOnFail and onError do not apply to it; set them on nodes that run code, or "
                      "on_error of a qflow.for_each",
                      node.name),
          &node, node.pointer + "/onError");
    if (node.on_error == OnError::regular && node.outputs.size() > 1)
      bad("invalid_parameter",
          fmt::format(
              "node \"{}\": onError: it has several outputs, so there is none for the error; continueErrorOutput "
              "gives it one of its own",
              node.name),
          &node, node.pointer + "/onError");
  }

  static void check_control(const Node& node) {
    const std::vector<ControlProblem> problems = control_problems(node);
    if (problems.empty()) return;
    const ControlProblem& first = problems.front();
    bad("invalid_parameter",
        fmt::format("node \"{}\": {}: {}{}", node.name, first.pointer.substr(1), first.what,
                    problems.size() > 1 ? fmt::format(" (and {} more)", problems.size() - 1) : ""),
        &node, node.pointer + first.pointer);
  }

  Step make_step(const Placed& placed, Plan& plan) const {
    const Node& node = graph_.nodes[placed.node];
    check_errors(node);
    if (node.role == NodeRole::flow) check_control(node);
    else check_code(node);
    Step step;
    step.node = node;
    step.file = node.file.empty() ? node.name + ".py" : node.file;
    if (placed.loop) step.loop = step_of_[*placed.loop];
    step.body_end = placed.body_end;
    for (const Edge* edge : incoming_[placed.node])
      if (std::optional<Source> source = source_of(*edge, node)) step.sources.push_back(std::move(*source));
    if (node.role == NodeRole::flow) name_inputs(step);
    const Granted granted = settle_sandbox(node, graph_.sandbox, settings_);
    step.timeout = granted.seconds;
    // A node of flow runs where its value is.
    if (node.role == NodeRole::flow)
      for (const Source& source : step.sources)
        if (source.step && !source.closes) {
          step.group = plan.steps[*source.step].group;
          return step;
        }
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

  // Each input of a node of flow has a name of its own: its port's, or that of the node that a merge takes it from.
  void name_inputs(Step& step) const {
    std::set<std::string> taken;
    for (Source& source : step.sources) {
      std::string name = source.input_port ? *source.input_port : input_name(step.node, source.input);
      if (name.empty()) name = source.step ? graph_.nodes[node_at(*source.step)].name : "input";
      const std::string wanted = name;
      for (int number = 2; !taken.insert(name).second; ++number) name = fmt::format("{}{}", wanted, number);
      source.input_port = std::move(name);
    }
  }

  std::size_t node_at(std::size_t step) const {
    return static_cast<std::size_t>(std::find(step_of_.begin(), step_of_.end(), step) - step_of_.begin());
  }

  // Where the value of an edge comes from, past disabled nodes: a node that runs, or the execution's input.
  struct Origin {
    std::optional<std::size_t> node;  ///< nothing: the execution's input
    const Edge* edge = nullptr;       ///< that leaves it
  };
  std::optional<Origin> origin_of(const Edge& edge) const {
    const Edge* at = &edge;
    for (std::size_t hops = 0; hops <= graph_.nodes.size(); ++hops) {
      const Node& from = graph_.nodes[at->from];
      if (from.role == NodeRole::code || from.role == NodeRole::flow) return Origin{at->from, at};
      if (from.role == NodeRole::entry) return Origin{std::nullopt, at};
      const auto& inputs = incoming_[at->from];
      const auto first = std::find_if(inputs.begin(), inputs.end(), [](const Edge* e) { return e->input == 0; });
      if (from.role == NodeRole::ignored || first == inputs.end()) return std::nullopt;
      at = *first;
    }
    return std::nullopt;
  }

  std::optional<Source> source_of(const Edge& edge, const Node& to) const {
    const std::optional<Origin> origin = origin_of(edge);
    if (!origin) return std::nullopt;
    Source source{std::nullopt,    origin->edge->output, origin->edge->output_port, edge.input,
                  edge.input_port, edge.pointer,         closes_loop(to, edge)};
    if (!origin->node) return source;
    source.step = step_of_[*origin->node];
    const Node& from = graph_.nodes[*origin->node];
    const auto own = static_cast<int>(std::max<std::size_t>(1, from.outputs.size()));
    if (from.on_error == OnError::output) {
      source.error = origin->edge->output_port ? *origin->edge->output_port == "error" : origin->edge->output == own;
      if (source.error) source.output_port.reset();
    } else if (origin->edge->output_port == "error" &&
               std::find(from.outputs.begin(), from.outputs.end(), "error") == from.outputs.end()) {
      bad("unknown_output",
          fmt::format(
              "node \"{}\": its input comes from the error output of \"{}\", which has one only with \"onError\": "
              "\"continueErrorOutput\"",
              to.name, from.name),
          &to, edge.pointer);
    }
    if (from.role == NodeRole::code && !source.error && source.output_port && from.outputs.size() > 1 &&
        std::find(from.outputs.begin(), from.outputs.end(), *source.output_port) == from.outputs.end())
      bad("unknown_output",
          fmt::format("node \"{}\": its input comes from output \"{}\" of \"{}\", which has: {}{}", to.name,
                      *source.output_port, from.name, fmt::join(from.outputs, ", "),
                      did_you_mean(*source.output_port, from.outputs)),
          &to, edge.pointer);
    if (from.role == NodeRole::flow && !source.error) {
      source.output = output_of(from, *origin->edge);
      if (source.output < 0 || static_cast<std::size_t>(source.output) >= std::max<std::size_t>(1, from.outputs.size()))
        bad("unknown_output",
            fmt::format("node \"{}\": its input comes from output {} of \"{}\", which has: {}", to.name,
                        origin->edge->output_port ? "\"" + *origin->edge->output_port + "\""
                                                  : std::to_string(origin->edge->output),
                        from.name, from.outputs.empty() ? "one" : fmt::format("{}", fmt::join(from.outputs, ", "))),
            &to, edge.pointer);
      source.output_port.reset();
    }
    return source;
  }

  // A container by its id, or a prepared environment by its name.
  std::string environment_of(const std::string& python) const {
    if (graph_.container.empty()) return settings_.base_environment(python);
    const workers::Venv* venv = settings_.named_venv(graph_.container);
    if (venv == nullptr) return graph_.container;
    if (venv->python == python) return venv->name;
    throw Fault(FaultKind::bad_input, "wrong_python",
                fmt::format("/settings/container: the environment {} is of Python {}, and the workflow asks for {}",
                            graph_.container, venv->python, python));
  }

  std::string usual_python() const {
    const workers::Venv* venv = settings_.named_venv(graph_.container);
    return venv == nullptr ? settings_.default_python : venv->python;
  }

  void settle(Plan& plan) const {
    std::set<std::string> imports;
    const Node* first = nullptr;
    const bool only_flow =
        std::all_of(plan.steps.begin(), plan.steps.end(), [](const Step& one) { return one.is_flow(); });
    for (const Step& step : plan.steps) {
      const Node& node = step.node;
      if (step.is_flow() && !only_flow) continue;
      for (std::string& name : imports_hint(node.code)) imports.insert(std::move(name));
      const std::string version = node.python_version     ? *node.python_version
                                  : graph_.python_version ? *graph_.python_version
                                                          : usual_python();
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
    plan.environment = environment_of(plan.python);
    for (const auto& [name, source] : graph_.modules) imports.erase(name.substr(0, name.find('.')));
    plan.imports.assign(imports.begin(), imports.end());
  }

  const Graph& graph_;
  const workers::Settings& settings_;
  std::vector<std::vector<const Edge*>> incoming_;
  std::vector<std::optional<std::size_t>> step_of_;
};

}  // namespace

Plan make_plan(const Graph& graph, const workers::Settings& settings, const std::optional<std::string>& only,
               const std::set<std::string>& given) {
  return Planner(graph, settings).make(only, given);
}

}  // namespace qflow::flow
