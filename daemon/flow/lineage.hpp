// What a node's value depends on, as one short text. Any thread.
#pragma once
#include <map>
#include <string>

#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// By the node's id: a fingerprint of how the node and everything before it are defined, of what connects them, and of
/// the modules beside the workflow. Nodes of a cycle, and what follows from one, depend on all of these.
std::map<std::string, std::string> lineages(const Graph& graph);

}  // namespace qflow::flow
