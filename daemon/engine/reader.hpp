// Workflow JSON in any of its accepted shapes to a Graph. Any thread; runs no code.
#pragma once
#include "daemon/engine/graph.hpp"

namespace qflow::engine {

/// Reads {name, nodes, connections, settings, python_version}. Connections may be n8n's, the mock's or a list
/// (workflows.md 1). Throws Fault(bad_input) whose message names the first problem by its JSON pointer and whose
/// details list all of them.
Graph read_workflow(const json::object& workflow);

/// The same, as far as it can be read: what is wrong is put into `problems`, each {pointer, message, code}, and left
/// out of the graph. Nothing is thrown.
Graph read_workflow(const json::object& workflow, json::array& problems);

}  // namespace qflow::engine
