// Nodes of flow: their parameters, ports and outputs (README.md, "Nodes of flow"). Any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/members.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// Takes the parameters of a node of flow from `from` (the node, its data or its parameters; later ones win).
void read_control(const json::object& from, Node& node);

/// Settles the names of its outputs, once all parameters are read.
void settle_outputs(Node& node);

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

}  // namespace qflow::flow
