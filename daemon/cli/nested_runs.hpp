// Flows that run other flows (qflow.workflow) in one `qflow run`: a file beside the flow, an execution of its own. One
// thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/engine/engine.hpp"

namespace qflow::cli {

/// What a flow that runs another one has.
struct NestedRuns {
  engine::Engine& engine;
  const workers::Settings& settings;
  std::shared_ptr<const typing::Catalog> catalog;  ///< shared with the executions
  std::vector<std::string> files;                  ///< the flows that run one another, this one the last
};

/// Lets the order run other flows; what `runs` refers to outlives it. A node's `workflow` is a path from the directory
/// of its own flow. A flow that is only to be started is waited for, too: the process would end before it.
void let_run_files(engine::Order& order, NestedRuns runs);

}  // namespace qflow::cli
