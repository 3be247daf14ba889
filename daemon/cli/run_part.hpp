// Which part of a flow `qflow run` runs, and with which values that are there already. One thread.
#pragma once
#include "daemon/cli/run_command.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/store/store.hpp"

namespace qflow::cli {

/// From --node, --from, --reuse, --pin and the flow's own pinData. `store`: where earlier executions are recorded,
/// needed for --reuse; `name`: of the flow. Throws Fault(bad_input): a file that is no JSON, an execution that is not
/// there, --from without --reuse.
services::PartialRun read_part(const RunOptions& options, const flow::json::object& document, const std::string& name,
                               const store::Store* store);

}  // namespace qflow::cli
