#include "daemon/engine/record_rows.hpp"

#include <boost/json/value_from.hpp>

#include "daemon/base/time.hpp"
#include "daemon/engine/outcome_json.hpp"

namespace qflow::engine {

store::NodeExecution row_of(const Order& order, std::size_t index, const StepRun& run) {
  const flow::Node& node = order.plan.steps[index].node;
  store::NodeExecution row;
  row.workflow_execution_id = order.execution_id;
  row.node_id = node.id;
  row.node_name = node.name;
  row.node_type = node.type;
  row.status = word(run.status);
  if (run.status != Status::skipped) {
    row.started_at = run.started_at;
    row.completed_at = run.completed_at;
    row.duration_ms = run.duration_ms;
  }
  if (!run.origins.empty()) row.input_data = json::serialize(run.origins);
  if (run.result) {
    row.output_data = run.result->preview;
    row.output_type = run.result->type;
    row.output_exact = run.result->exact;
    row.output_truncated = run.result->truncated;
  }
  row.standard_output = run.standard_output.text;
  row.standard_error = run.standard_error.text;
  row.output_dropped = static_cast<std::int64_t>(run.standard_output.dropped + run.standard_error.dropped);
  if (run.error) {
    row.error_type = run.error->type;
    row.error_message = run.error->message;
    if (!run.error->traceback.empty()) row.error_stack_trace = run.error->traceback;
    if (run.error->line) row.error_line = *run.error->line;
  }
  row.execution_order = run.order >= 0 ? run.order : static_cast<std::int64_t>(index);
  row.run = static_cast<std::int64_t>(run.count);
  if (!run.index.empty()) row.loop_index = json::serialize(json::value_from(run.index));
  if (run.result && run.result->live) row.live = json::serialize(json::value_from(*run.result->live));
  row.reason = run.reason;
  row.branch = static_cast<std::int64_t>(run.branch);
  row.retry_count = run.attempt;
  row.outcome = word(run.cause());
  if (!run.told.empty()) row.told = json::serialize(told_json(run.told));
  if (!run.warnings.empty()) row.warnings = json::serialize(json::value_from(run.warnings));
  if (!run.denied.empty()) row.denied = json::serialize(denied_json(run.denied));
  if (run.status == Status::completed || run.status == Status::failed) {
    json::object usage = usage_json(run.usage);
    usage["load_ms"] = run.load_ms;
    row.resource_usage = json::serialize(usage);
  }
  return row;
}

std::string state_key(const Order& order) {
  if (order.workflow_id) return *order.workflow_id;
  return order.state_of;
}

store::Execution end_row(const Order& order, const Outcome& outcome) {
  store::Execution row;
  row.id = order.execution_id;
  row.workflow_id = order.workflow_id;
  row.workflow_name = order.workflow_name;
  if (!order.created_by.empty()) row.created_by = order.created_by;
  row.status = word(outcome.status);
  row.completed_at = now_us();
  row.duration_ms = outcome.duration_ms;
  row.output_data = outputs_json(order.plan, outcome);
  row.bytes = static_cast<std::int64_t>(row.output_data->size()) + outcome.row_bytes;
  row.python_version = order.plan.python;
  if (outcome.error) {
    const std::string* node = outcome.failed_step ? &order.plan.steps[*outcome.failed_step].node.name : nullptr;
    row.error_message = node != nullptr ? outcome.error->sentence(*node) : outcome.error->message;
    if (!outcome.error->traceback.empty()) row.error_stack_trace = outcome.error->traceback;
    if (node != nullptr) row.error_node = *node;
  }
  row.outcome = word(outcome.cause());
  json::object usage = usage_json(outcome.usage);
  usage["queue_ms"] = outcome.queue_ms;
  row.resource_usage = json::serialize(usage);
  return row;
}

std::vector<std::pair<std::string, std::int64_t>> long_loops(const Order& order, const Outcome& outcome) {
  std::vector<std::pair<std::string, std::int64_t>> out;
  for (std::size_t i = 0; i < outcome.runs.size(); ++i)
    if (outcome.runs[i] > kFirstRuns)
      out.emplace_back(order.plan.steps[i].node.id, static_cast<std::int64_t>(outcome.runs[i]));
  return out;
}

std::vector<store::DataFlowRow> flow_rows(const Order& order, const Outcome& outcome) {
  std::vector<store::DataFlowRow> rows;
  const auto& steps = order.plan.steps;
  for (const DataFlow& flow : outcome.flows)
    rows.push_back({order.execution_id, steps[flow.from].node.id, steps[flow.to].node.id, flow.encoding,
                    static_cast<std::int64_t>(flow.bytes), 0.0, flow.transfer_ms});
  return rows;
}

}  // namespace qflow::engine
