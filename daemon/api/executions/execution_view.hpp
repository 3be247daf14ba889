// Executions as the API shows them (daemon/api/README.md, "Executions as shown"). Any thread.
#pragma once
#include <boost/json/value.hpp>

#include "daemon/services/execution_record.hpp"

namespace qflow::api {
namespace json = boost::json;

/// A row of a list: {id, workflowId, status, startedAt, completedAt, duration, ...}.
json::object summary_view(const store::Execution& execution);
/// {resultData: {runData, lastNodeExecuted, error?}, outputs, files, dataFlow}. Where the record was too large for one
/// reply, `left_out` says how many bytes are missing and which path has them.
json::object data_view(const services::ExecutionRecord& record);
/// The summary with input_data, data and stacktrace.
json::object execution_view(const services::ExecutionRecord& record);

}  // namespace qflow::api
