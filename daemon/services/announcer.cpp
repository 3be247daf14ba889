#include "daemon/services/announcer.hpp"

#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"

namespace qflow::services {
namespace {
constexpr std::uint64_t kToldRuns = 100;
constexpr std::size_t kToldBytes = 64U << 10U;
}  // namespace
namespace json = boost::json;
using engine::Status;

void publish_end(observe::Events& events, const store::Execution& ended) {
  json::object fields{{"executionId", ended.id}, {"workflowId", nullptr}, {"status", ended.status}};
  if (ended.workflow_id) fields["workflowId"] = *ended.workflow_id;
  if (ended.error_message) fields["error"] = *ended.error_message;
  events.publish(observe::Channel::executions, ended.status == "cancelled" ? "execution.cancelled" : "execution.failed",
                 ended.created_by.value_or(""), std::move(fields));
}

void Announcer::publish(const engine::Order& order, const char* type, json::object fields) {
  fields["executionId"] = order.execution_id;
  fields["workflowId"] = nullptr;
  if (order.workflow_id) fields["workflowId"] = *order.workflow_id;
  events_.publish(observe::Channel::executions, type, order.created_by, std::move(fields));
}

void Announcer::on_wait(const engine::Order& order, std::size_t position, std::size_t waiting) {
  if (order.execution_id.empty()) return;
  publish(order, "execution.queued",
          {{"status", "queued"}, {"mode", order.mode}, {"position", position}, {"waiting", waiting}});
}

void Announcer::on_start(const engine::Order& order) {
  if (order.resumed) metrics_.happened("resume");
  if (order.execution_id.empty()) return;
  publish(order, "execution.started", {{"status", "running"}, {"mode", order.mode}});
}

void Announcer::on_step(const engine::Order& order, std::size_t step, const engine::StepRun& run) {
  const flow::Node& node = order.plan.steps[step].node;
  const bool ended = run.status != Status::running;
  if (ended && (run.reason == "cached" || run.reason == "kept")) metrics_.happened(run.reason.c_str());
  if (ended && run.attempt > 0) metrics_.happened("retry");
  if (ended && run.status != Status::skipped)
    metrics_.node(node.type, node.id, engine::word(run.status), order.plan.python, run.duration_ms / 1000);
  if (order.execution_id.empty() || !events_.wanted()) return;
  // Of a step in a long loop, one run in a hundred is told, and those that fail.
  if (run.count >= kToldRuns && run.count % kToldRuns != 0 && run.status != Status::failed) return;
  json::object fields{{"nodeId", node.id}, {"nodeName", node.name}, {"status", engine::word(run.status)}};
  if (!ended) return publish(order, "node.started", std::move(fields));
  fields["duration"] = run.duration_ms;
  fields["outcome"] = engine::word(run.cause());
  if (run.error) fields["error"] = run.error->type + ": " + run.error->message.substr(0, 2000);
  if (!run.index.empty()) fields["loopIndex"] = json::value_from(run.index);
  if (!run.reason.empty()) fields["reason"] = run.reason;
  publish(order, "node.finished", std::move(fields));
  if (run.count > 0) return;
  const std::size_t done = ++completed_[order.execution_id];
  publish(order, "execution.progress",
          {{"status", "running"}, {"progress", {{"nodes_completed", done}, {"total_nodes", order.plan.steps.size()}}}});
}

void Announcer::on_output(const engine::Order& order, std::size_t step, bool standard_error, std::string_view text) {
  if (order.execution_id.empty()) return;
  const flow::Node& node = order.plan.steps[step].node;
  publish(
      order, "node.output",
      {{"nodeId", node.id}, {"nodeName", node.name}, {"stream", standard_error ? "stderr" : "stdout"}, {"text", text}});
}

void Announcer::on_keep(std::size_t bytes, double milliseconds) {
  metrics_.checkpoint(static_cast<double>(bytes), milliseconds / 1000);
}

void Announcer::on_note(const engine::Order& order, std::size_t step, const schema::Note& note) {
  if (order.execution_id.empty() || !events_.wanted()) return;
  const flow::Node& node = order.plan.steps[step].node;
  json::object fields{{"nodeId", node.id}, {"nodeName", node.name}};
  if (note.what == "progress") {
    fields["fraction"] = note.fraction ? json::value(*note.fraction) : json::value(nullptr);
    fields["text"] = note.text ? json::value(*note.text) : json::value(nullptr);
    return publish(order, "node.progress", std::move(fields));
  }
  if (note.what == "log") {
    fields["level"] = *note.level;
    fields["text"] = *note.text;
    fields["fields"] = *note.data;
    return publish(order, "node.log", std::move(fields));
  }
  // What is large is read from the record once the node has ended.
  std::size_t bytes = 0;
  json::array types;
  for (const auto& [type, value] : note.data->get_object()) {
    bytes += value.get_string().size();
    types.emplace_back(type);
  }
  fields["types"] = std::move(types);
  fields["data"] = bytes <= kToldBytes ? *note.data : json::value(nullptr);
  publish(order, "node.display", std::move(fields));
}

void Announcer::on_suspend(const engine::Order& order, const engine::Outcome& outcome) {
  completed_.erase(order.execution_id);
  json::object fields{{"status", "waiting"}, {"waitTill", nullptr}, {"nodeId", nullptr}};
  if (outcome.waiting->till) fields["waitTill"] = iso_time(*outcome.waiting->till);
  if (outcome.waiting->step) fields["nodeId"] = order.plan.steps[*outcome.waiting->step].node.id;
  publish(order, "execution.waiting", std::move(fields));
}

void Announcer::on_end(const engine::Order& order, const engine::Outcome& outcome) {
  completed_.erase(order.execution_id);
  metrics_.happened("branch", static_cast<double>(outcome.branches));
  if (order.execution_id.empty()) return;
  metrics_.execution(order.workflow_id.value_or(""), engine::word(outcome.status), order.plan.python,
                     outcome.duration_ms / 1000, outcome.queue_ms / 1000);
  for (const engine::DataFlow& flow : outcome.flows)
    metrics_.data_flow(order.plan.steps[flow.from].node.type, order.plan.steps[flow.to].node.type, "json",
                       static_cast<double>(flow.bytes), flow.transfer_ms / 1000);
  json::object fields{{"status", engine::word(outcome.status)}, {"duration", outcome.duration_ms}};
  if (outcome.error) fields["error"] = outcome.error->type + ": " + outcome.error->message.substr(0, 2000);
  const char* type = outcome.status == Status::completed   ? "execution.completed"
                     : outcome.status == Status::cancelled ? "execution.cancelled"
                                                           : "execution.failed";
  if (outcome.status == Status::failed)
    log::info("engine", "an execution failed",
              {{"execution_id", order.execution_id},
               {"workflow_id", order.workflow_id.value_or("")},
               {"workflow", order.workflow_name},
               {"node", outcome.failed_step ? order.plan.steps[*outcome.failed_step].node.name : ""},
               {"reason", outcome.error ? outcome.error->type + ": " + outcome.error->message.substr(0, 500) : ""},
               {"event_type", type},
               {"outcome", engine::word(outcome.cause())}});
  publish(order, type, std::move(fields));
}

}  // namespace qflow::services
