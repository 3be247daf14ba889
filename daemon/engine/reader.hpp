// Workflow JSON in any of its accepted shapes to a Graph. Any thread; runs no code.
#pragma once
#include "daemon/engine/graph.hpp"

namespace qflow::engine {

/// Reads {name, nodes, connections, settings, python_version}. Connections may be n8n's, the mock's or a list
/// (workflows.md 1). Throws Fault(bad_input) whose message names the first problem by its JSON pointer and whose
/// details list all of them.
Graph read_workflow(const json::object& workflow);

}  // namespace qflow::engine
