#include "daemon/api/executions/execution_view.hpp"

#include "daemon/base/time.hpp"
#include "daemon/http/message.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace {

json::value stored(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  std::string error;
  return schema::parse_json(*text, error, 200);
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  if (value) return json::value_from(*value);
  return nullptr;
}

json::value time_or_null(const std::optional<std::int64_t>& us) {
  if (us) return json::value(iso_time(*us));
  return nullptr;
}

// A value as n8n's items: a dict is one item, a list of dicts one item each, anything else {"value": ...}.
json::array items_of(json::value value) {
  json::array items;
  const auto all_objects = [](const json::array& array) {
    for (const auto& element : array)
      if (!element.is_object()) return false;
    return !array.empty();
  };
  if (value.is_object()) items.push_back(json::object{{"json", std::move(value)}});
  else if (value.is_array() && all_objects(value.get_array()))
    for (auto& element : value.get_array()) items.push_back(json::object{{"json", std::move(element)}});
  else items.push_back(json::object{{"json", json::object{{"value", std::move(value)}}}});
  for (std::size_t i = 0; i < items.size(); ++i) items[i].get_object()["pairedItem"] = json::object{{"item", i}};
  return items;
}

json::object error_view(const store::NodeExecution& node) {
  const std::string type = node.error_type.value_or("Error");
  std::string message = type + (node.error_message && !node.error_message->empty() ? ": " + *node.error_message : "");
  if (node.error_line) message += " [line " + std::to_string(*node.error_line) + "]";
  json::object view{{"message", message},
                    {"name", "NodeOperationError"},
                    {"description", type},
                    {"outcome", node.outcome},
                    {"node", {{"id", node.node_id}, {"name", node.node_name}, {"type", node.node_type}}}};
  if (node.error_line) view["lineNumber"] = *node.error_line;
  if (node.error_stack_trace) view["stack"] = *node.error_stack_trace;
  return view;
}

// Stands where bytes are not in this reply.
json::object left_out_view(std::int64_t bytes, const std::string& path) { return {{"bytes", bytes}, {"get", path}}; }

// The items of each output. A node of flow shows the value of its one live output, or, for a filter, both by name.
json::array outputs_of(const store::NodeExecution& node) {
  json::array outputs;
  const json::value value = stored(node.output_data);
  const json::value live = stored(node.live);
  if (!live.is_array()) {
    outputs.push_back(items_of(value));  // not in braces: compilers differ on whether an array in braces is nested
    return outputs;
  }
  const auto* by_name = node.node_type == "qflow.filter" ? value.if_object() : nullptr;
  for (const json::value& one : live.get_array()) {
    const auto output = static_cast<std::size_t>(one.to_number<std::int64_t>());
    while (outputs.size() < output) outputs.push_back(json::array());
    const bool named = by_name != nullptr && output < by_name->size();
    outputs.push_back(items_of(named ? (by_name->begin() + static_cast<std::ptrdiff_t>(output))->value() : value));
  }
  return outputs;
}

json::object task_view(const store::NodeExecution& node) {
  json::object task{{"startTime", node.started_at.value_or(0) / 1000},
                    {"executionIndex", node.execution_order},
                    {"source", json::array()},
                    {"hints", json::array()},
                    {"executionTime", node.duration_ms.value_or(0)},
                    {"executionStatus", node.status == "completed" ? "success"
                                        : node.status == "failed"  ? "error"
                                                                   : node.status}};
  if (node.output_data) task["data"] = json::object{{"main", outputs_of(node)}};
  if (node.output_truncated.value_or(false))
    task["hints"] = json::array{json::object{
        {"message",
         "Only the first part of this value is shown; `outputs` of the execution has all of it, or names the "
         "file that does."},
        {"location", "outputPane"}}};
  if (node.error_type) task["error"] = error_view(node);
  task["qflow"] = json::object{{"execution_id", node.workflow_execution_id},
                               {"status", node.status},
                               {"outcome", node.outcome},
                               {"warnings", node.warnings ? stored(node.warnings) : json::value(json::array())},
                               {"denied", node.denied ? stored(node.denied) : json::value(json::array())},
                               {"resource_usage", stored(node.resource_usage)},
                               {"type", or_null(node.output_type)},
                               {"exact", or_null(node.output_exact)},
                               {"truncated", or_null(node.output_truncated)},
                               {"value", stored(node.output_data)},
                               {"inputs", stored(node.input_data)},
                               {"stdout", node.standard_output},
                               {"stderr", node.standard_error},
                               {"output_dropped", node.output_dropped},
                               {"run", node.run},
                               {"retry_count", node.retry_count},
                               {"loop_index", stored(node.loop_index)},
                               {"live_outputs", stored(node.live)},
                               {"branch", node.branch > 0 ? json::value(node.branch) : json::value(nullptr)},
                               {"reason", node.reason.empty() ? json::value(nullptr) : json::value(node.reason)}};
  const json::value told = stored(node.told);
  for (const char* what : {"log", "display", "state", "execution"})
    if (const json::value* one = told.is_object() ? told.get_object().if_contains(what) : nullptr)
      task["qflow"].get_object()[what == std::string_view("state")       ? "state_changes"
                                 : what == std::string_view("execution") ? "sub_execution"
                                                                         : what] = *one;
  if (node.left_out > 0)
    task["left_out"] = left_out_view(node.left_out, "/executions/" + node.workflow_execution_id +
                                                        "/data?node=" + http::percent_encoded(node.node_id));
  return task;
}

}  // namespace

json::object summary_view(const store::Execution& e) {
  return {{"id", e.id},
          {"executionId", e.id},
          {"workflowId", or_null(e.workflow_id)},
          {"workflowName", e.workflow_name},
          {"status", e.status},
          {"mode", e.mode},
          {"retryOf", or_null(e.retry_of)},
          {"parentExecutionId", or_null(e.parent_execution_id)},
          {"finished", e.status != "queued" && e.status != "running" && e.status != "waiting"},
          {"waitTill", time_or_null(e.wait_till)},
          {"startedAt", iso_time(e.started_at)},
          {"completedAt", time_or_null(e.completed_at)},
          {"stoppedAt", time_or_null(e.completed_at)},
          {"duration", or_null(e.duration_ms)},
          {"duration_ms", or_null(e.duration_ms)},
          {"python_version", e.python_version},
          {"outcome", e.outcome.empty() ? json::value(nullptr) : json::value(e.outcome)},
          {"isolation", {{"level", e.isolation_level}, {"missing", stored(e.isolation_missing)}}},
          {"sandbox", stored(e.sandbox)},
          {"resource_usage", stored(e.resource_usage)},
          {"error", or_null(e.error_message)}};
}

namespace {

// The values that passed from one worker to another.
json::array flow_view(const std::vector<store::DataFlowRow>& flows) {
  json::array out;
  for (const auto& flow : flows)
    out.push_back(json::object{{"source", flow.source_node_id},
                               {"target", flow.target_node_id},
                               {"data_type", flow.data_type},
                               {"data_size_bytes", or_null(flow.data_size_bytes)},
                               {"transfer_time_ms", or_null(flow.transfer_time_ms)}});
  return out;
}

// Puts the whole outputs in the place of their parts, and says of each that stays a part where all of it is.
json::object complete_outputs(const services::ExecutionRecord& record, json::value& outputs) {
  json::object cut;
  if (!outputs.is_object()) return cut;
  for (const auto& node : record.nodes) {
    json::value* output = outputs.get_object().if_contains(node.node_name);
    if (output == nullptr || !node.output_truncated.value_or(false)) continue;
    if (const auto whole = record.whole.find(node.node_id); whole != record.whole.end()) {
      std::string error;
      json::value value = schema::parse_json(whole->second, error, 200);
      if (error.empty()) {
        *output = std::move(value);
        continue;
      }
    }
    json::object where{{"bytes", nullptr}, {"get", nullptr}};
    for (const store::File& file : record.files)
      if (file.is_output && file.node_id == node.node_id)
        where = left_out_view(file.file_size_bytes, "/files/" + file.id);
    cut[node.node_name] = std::move(where);
  }
  return cut;
}

json::array files_view(const std::vector<store::File>& files) {
  json::array out;
  for (const auto& file : files)
    out.push_back(json::object{{"id", file.id},
                               {"filename", file.filename},
                               {"file_size_bytes", file.file_size_bytes},
                               {"mime_type", file.mime_type},
                               {"hash_sha256", file.hash_sha256},
                               {"is_output", file.is_output},
                               {"node_id", or_null(file.node_id)}});
  return out;
}

}  // namespace

json::object data_view(const services::ExecutionRecord& record) {
  const store::Execution& e = record.execution;
  json::object run_data;
  json::object counts;
  json::value last = nullptr;
  json::value error = nullptr;
  for (const auto& node : record.nodes) {
    json::value& runs = run_data[node.node_name];
    if (!runs.is_array()) runs = json::array();
    runs.get_array().push_back(task_view(node));
    if (node.run > 0) counts[node.node_name] = node.run + 1;
    if (node.status == "completed" || node.status == "failed") last = json::value(node.node_name);
    if (node.error_type && error.is_null()) error = error_view(node);
  }
  if (e.error_node) last = json::value(*e.error_node);
  json::object result{{"runData", std::move(run_data)}, {"lastNodeExecuted", last}, {"runs", std::move(counts)}};
  if (!error.is_null()) result["error"] = error;
  json::value outputs = stored(e.output_data);
  json::object cut = complete_outputs(record, outputs);
  json::object out{{"resultData", std::move(result)},
                   {"outputs", std::move(outputs)},
                   {"files", files_view(record.files)},
                   {"dataFlow", flow_view(record.flows)}};
  if (!cut.empty()) out["truncated_outputs"] = std::move(cut);
  if (e.left_out > 0) out["left_out"] = left_out_view(e.left_out, "/executions/" + e.id + "/data?node=NODE");
  return out;
}

json::object execution_view(const services::ExecutionRecord& record) {
  json::object view = summary_view(record.execution);
  view["input_data"] = stored(record.execution.input_data);
  view["data"] = data_view(record);
  if (record.execution.error_stack_trace) view["stacktrace"] = *record.execution.error_stack_trace;
  return view;
}

}  // namespace qflow::api
