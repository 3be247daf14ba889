// Which nodes of the library can be connected to a port. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"

namespace qflow::services {

/// The port that is asked about: a type as such, or a port of a node of the library or of a workflow.
struct PortQuestion {
  std::optional<std::string> type;      ///< a documented name or a Python type
  bool output = true;                   ///< with `type`: it gives a value, and nodes are to take it
  std::optional<std::string> workflow;  ///< whose node `node` is; nothing: one of the library
  std::string node;                     ///< id, or a workflow's node by its name
  std::string port;                     ///< "": the output
};

struct FittingNode {
  std::string id, name, description, function;
  std::string port;               ///< of the node, the one that fits best
  std::string type, python_type;  ///< of that port
  bool fits = false;              ///< its structure, too, not only the outer type
  bool conversion_required = false, is_converter = false;
  std::string explanation;
  int score = 0;  ///< exact fits first, then by how much must be known about the value
};

struct FittingNodes {
  bool output = true;              ///< the port gives a value; the nodes take it
  std::string port;                ///< "output", or the parameter
  schema::Type type;               ///< of the port
  std::size_t all = 0;             ///< how many fit
  std::vector<FittingNode> nodes;  ///< the best of them
  std::size_t pending = 0;         ///< nodes that are not described yet, which the next call may have
};

/// The `most` best of the nodes that the caller sees. Takes 1.5 s at most for describing them, each on its owner's
/// account. Throws Fault: bad_input for an unknown type; not_found for a node or port that is not there;
/// unprocessable when the code of the port's node does not load.
Task<FittingNodes> fitting_nodes(Services& services, const auth::Caller& caller, PortQuestion question,
                                 std::size_t most);

}  // namespace qflow::services
