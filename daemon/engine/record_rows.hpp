// What the rows of an execution hold: made of its order and its outcome. Engine strand; writes nothing.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/order.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::engine {

/// Of one run of the step `index`.
store::NodeExecution row_of(const Order& order, std::size_t index, const StepRun& run);
/// Of the execution, at its end.
store::Execution end_row(const Order& order, const Outcome& outcome);
/// Nodes that ran more often than all their runs are kept, with how often.
std::vector<std::pair<std::string, std::int64_t>> long_loops(const Order& order, const Outcome& outcome);
/// What passed between its workers.
std::vector<store::DataFlowRow> flow_rows(const Order& order, const Outcome& outcome);
/// The workflow whose state its nodes change; empty: it is not kept.
std::string state_key(const Order& order);

}  // namespace qflow::engine
