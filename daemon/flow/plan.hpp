// What will run, in which order, and where each input comes from. Any thread; runs no code.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/flow/graph.hpp"
#include "daemon/workers/pool_settings.hpp"

namespace qflow::flow {

/// One input of a step: the value of another step, or the execution's input (from a trigger).
struct Source {
  std::optional<std::size_t> step;  ///< nothing: the execution's input
  int output = 0;
  std::optional<std::string> output_port;
  int input = 0;
  std::optional<std::string> input_port;
  std::string pointer;  ///< of the connection in the document
};

/// A node that runs, with everything about it settled except what only its live function can tell.
struct Step {
  Node node;
  std::string file;  ///< the name its code is compiled under: "clean.py", or "Clean Text.py" for a node without a file
  std::vector<Source> sources;
  double timeout = 30;    ///< seconds
  std::size_t group = 0;  ///< which of the plan's sandboxes it runs in
  bool sink = true;       ///< no other step takes its value: it is an output of the workflow
};

struct Plan {
  std::string name;
  std::string python;       ///< "3.11"
  std::string environment;  ///< the environment it asks for; empty: the version's own
  /// Nodes that ask for the same sandbox share one worker; each further sandbox is a worker of its own, and values pass
  /// between workers as plain data only.
  std::vector<workers::Sandbox> sandboxes;
  std::vector<Step> steps;                     ///< in an order in which every step comes after its sources
  std::vector<std::string> imports;            ///< hint for the pool
  std::map<std::string, std::string> modules;  ///< Graph::modules
  TypeChecks types = TypeChecks::warn;
  std::optional<std::size_t> only;  ///< `--node`: the one step whose value is wanted
};

/// Settles the order and all that the installation's settings limit. `only`: run that node (by name or id) and what it
/// needs, nothing else. Throws Fault(bad_input) that names the node: a cycle, a node without code, an unknown type, an
/// unknown Python version, nodes of different versions, a limit above the installation's.
Plan make_plan(const Graph& graph, const workers::Settings& settings,
               const std::optional<std::string>& only = std::nullopt);

}  // namespace qflow::flow
