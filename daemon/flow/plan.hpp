// What will run, in which order, and where each input comes from. Any thread; runs no code.
#pragma once
#include <algorithm>
#include <optional>
#include <set>
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
  bool closes = false;  ///< it is the closing input of a loop: the step comes later in the plan
  bool error = false;   ///< it is the error output of the step
  bool copy = false;    ///< others get the same value, too
};

/// A node that runs, with everything about it settled except what only its live function can tell.
struct Step {
  Node node;
  std::string file;  ///< the name its code is compiled under: "clean.py", or "Clean Text.py" for a node without a file
  std::vector<Source> sources;
  double timeout = 30;    ///< seconds
  std::size_t group = 0;  ///< which of the plan's sandboxes it runs in
  bool sink = true;       ///< no other step takes its value, and no loop is around it: an output of the workflow
  std::optional<std::size_t> loop;  ///< the innermost loop whose body it is in
  std::size_t body_end = 0;         ///< of a loop: its body is the steps after it, up to this one; 0: no loop
  bool splits = false;              ///< a later step of the same body could start when this one does
  bool shared = false;              ///< several steps take its value
  bool is_flow() const { return node.control != Control::none; }
  /// Whether what follows must wait for what becomes of it.
  bool decides() const { return is_choice(node.control) || is_guarded(); }
  /// Whether the execution may survive its failure.
  bool is_guarded() const { return node.tries.most > 1 || node.on_error != OnError::stop; }
};

struct Plan {
  std::string name;
  std::string python;       ///< "3.11"
  std::string environment;  ///< the environment it asks for; empty: the version's own
  /// Nodes that ask for the same sandbox share one worker; each further sandbox is a worker of its own, and values pass
  /// between workers as plain data only.
  std::vector<workers::Sandbox> sandboxes;
  /// In an order in which every step comes after its sources, closing ones apart, and a body directly after its loop.
  std::vector<Step> steps;
  std::vector<std::string> imports;            ///< hint for the pool
  std::map<std::string, std::string> modules;  ///< Graph::modules
  TypeChecks types = TypeChecks::warn;
  Parallel parallel = Parallel::automatic;
  Checkpoint checkpoint = Checkpoint::automatic;
  std::optional<double> timeout;    ///< seconds for the whole execution
  std::string error_workflow;       ///< the id of the workflow that runs when this one fails; empty: none
  std::optional<std::size_t> only;  ///< `--node`: the one step whose value is wanted
  /// Whether steps may run at the same time somewhere.
  bool splits() const {
    return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.splits; });
  }
};

/// Settles the order and all that the installation's settings limit. `only`: run that node (by name or id) and what it
/// needs, nothing else; what only the nodes `given` need is left out, because
/// their values are there. Throws
/// Fault(bad_input) that names the node: a cycle, a loop that is entered or left sideways, a node of flow without its
/// parameters, a node without code, an unknown type, an unknown Python version, nodes of different versions, a limit
/// above the installation's.
Plan make_plan(const Graph& graph, const workers::Settings& settings,
               const std::optional<std::string>& only = std::nullopt, const std::set<std::string>& given = {});

}  // namespace qflow::flow
