// Nodes of flow: their types, parameters, ports and outputs (README.md, "Nodes of flow"). Any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/members.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// A parameter of a node type, for forms.
struct ControlParameter {
  std::string name;
  std::string type;  ///< expression, string, number, boolean, options, list or object
  std::string description;
  json::value initial;               ///< its default; null: none
  std::vector<std::string> options;  ///< of `options`
  bool required = false;
};
/// A type of nodes of flow.
struct ControlType {
  std::string type, display_name, description;
  Control control = Control::none;
  std::vector<ControlParameter> parameters;
  std::vector<std::string> inputs, outputs;  ///< names; of a switch, its outputs follow from its rules
};
const std::vector<ControlType>& control_types();
/// Null: it is not a node of flow.
const ControlType* find_control_type(std::string_view type);
/// none: it is not a node of flow.
Control control_of(std::string_view type);

/// Takes the parameters of a node of flow from `from` (the node, its data or its parameters; later ones win).
void read_control(const json::object& from, Node& node);

/// Settles the names of its outputs, once all parameters are read.
void settle_outputs(Node& node);

/// Something wrong with the parameters of a node of flow.
struct ControlProblem {
  std::string pointer;  ///< below the node: "/parameters/rules/0/when"
  std::string what;
};
/// Unfinished work may be saved, so this is asked when a workflow is planned.
std::vector<ControlProblem> control_problems(const Node& node);

/// The name of its input `index`: "value", "items", "result", …; of a merge's, "" for all.
std::string input_name(const Node& node, int index);
/// Whether an edge to that input closes a loop.
bool closes_loop(const Node& node, const Edge& edge);
/// Which output of a node of flow the edge leaves from; -1 for a name that it does not have.
int output_of(const Node& node, const Edge& edge);

/// How deep executions may start one another.
inline constexpr unsigned kMostDepth = 10;

/// What a node of the type qflow.workflow runs. Of one that control_problems() finds nothing wrong with.
struct SubWorkflow {
  std::string workflow;    ///< an id, or a file
  bool wait = true;        ///< for its result
  unsigned max_depth = 0;  ///< how often it may be among those that run it; 0: not at all
};
SubWorkflow sub_workflow_of(const Node& node);

/// What a node of the type qflow.wait waits for. Of one that control_problems() finds nothing wrong with.
struct Wait {
  std::optional<double> seconds;
  std::optional<std::int64_t> until;  ///< microseconds since 1970
  bool webhook = false;               ///< until its resume address is called
};
Wait wait_of(const Node& node);

/// What a worker is told of the node: {type, parameters, outputs}.
json::object control_json(const Node& node);

/// Why the text cannot be a Python expression; empty: it may be one.
std::string expression_problem(std::string_view text);

}  // namespace qflow::flow
