// The drawings of a report, as SVG: the graph with the path taken, and the timeline. Any thread.
#pragma once
#include <string>

#include "daemon/flow/graph.hpp"
#include "daemon/services/execution_record.hpp"

namespace qflow::services {

/// Nodes in layers by their distance from the start, coloured by what became of them; connections that carried a value
/// are drawn through, others dashed.
std::string graph_picture(const flow::Graph& graph, const ExecutionRecord& record);
/// A bar for each run of a node, by when it ran; those in branches in a colour of their own. At most 500 bars.
std::string timeline_picture(const ExecutionRecord& record);

}  // namespace qflow::services
