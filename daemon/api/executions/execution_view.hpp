// Executions as the API shows them (daemon/api/README.md, "Executions as shown"). Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <vector>

#include "daemon/store/execution_rows.hpp"

namespace qflow::api {
namespace json = boost::json;

/// A row of a list: {id, workflowId, status, startedAt, completedAt, duration, ...}.
json::object summary_view(const store::Execution& execution);
/// {resultData: {runData, lastNodeExecuted, error?}, outputs, files}.
json::object data_view(const store::Execution& execution, const std::vector<store::NodeExecution>& nodes,
                       const std::vector<store::File>& files);
/// The summary with `data` and `error`.
json::object execution_view(const store::Execution& execution, const std::vector<store::NodeExecution>& nodes,
                            const std::vector<store::File>& files);

}  // namespace qflow::api
