// The order of a workflow's nodes, and the bodies of its loops. Any thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// A connection between two nodes that run, whatever disabled nodes lie between them.
struct Wire {
  std::size_t from = 0, to = 0;  ///< indexes of Graph::nodes
  int output = 0;                ///< of `from`
  bool closes = false;           ///< it goes to the closing input of the loop `to`
  const Edge* edge = nullptr;    ///< that it ends with
};

/// One place in the order.
struct Placed {
  std::size_t node = 0;
  std::optional<std::size_t> loop;  ///< the innermost loop whose body it is in: its node
  std::size_t body_end = 0;         ///< of a loop: its body is what follows in the order, up to here
};

/// The nodes that `runs` names, each after all that it takes values from, a loop directly before its body; free nodes
/// keep the order of the document. Throws Fault(bad_input): cyclic_workflow for a cycle that no loop closes;
/// invalid_loop, which names the connection, for a body that is entered or left sideways, or that does not lead back.
std::vector<Placed> order_of(const Graph& graph, const std::vector<bool>& runs, const std::vector<Wire>& wires);

}  // namespace qflow::flow
