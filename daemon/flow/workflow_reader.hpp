// Workflow JSON in any of its accepted shapes to a Graph. Any thread; runs no code.
#pragma once
#include "daemon/flow/graph.hpp"

namespace qflow::flow {

/// Reads {name, nodes, connections, settings, python_version}. Connections may be n8n's, by id or a list
/// (README.md, "Accepted shapes"). Throws Fault(bad_input) whose message names the first problem by its JSON pointer
/// and whose details list all of them.
Graph read_workflow(const json::object& workflow);

/// Reads as much as it can: what is wrong goes into `problems`, each {pointer, message, code}, and is left out of the
/// graph. Throws nothing.
Graph read_workflow(const json::object& workflow, json::array& problems);

}  // namespace qflow::flow
