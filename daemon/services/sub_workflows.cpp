#include "daemon/services/sub_workflows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/flow/control.hpp"
#include "daemon/services/ending.hpp"
#include "daemon/services/execution_record.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::services {
namespace {

constexpr auto kLook = std::chrono::milliseconds(250);

// Who runs another workflow.
struct Parent {
  std::string execution_id, created_by;
  std::vector<std::string> callers;
};

// The value of its only output, or {"node name": value} of several.
engine::WorkflowAnswer answer_in(Services& services, sqlite::Db& db, const store::Execution& row) {
  engine::WorkflowAnswer out;
  out.id = row.id;
  if (row.status != "completed") {
    out.error = fmt::format("the workflow \"{}\" {}: {} (execution {})", row.workflow_name,
                            row.status == "failed" ? "failed" : "ended as " + row.status,
                            row.error_message.value_or("without a message"), row.id);
    return out;
  }
  const auto execution = store::find_execution(db, row.id);
  const json::value outputs =
      stored_json(execution && execution->output_data ? *execution->output_data : std::string("{}"));
  const std::vector<store::File> files = store::files_of(db, row.id);
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& one : outputs.as_object()) {
    const std::string name(one.key());
    const auto node = store::node_of(db, row.id, name);
    std::string text = node ? node->output_data.value_or("null") : "null";
    bool whole = node && node->output_exact.value_or(false) && !node->output_truncated.value_or(false);
    for (const store::File& file : files)
      if (node && file.is_output && file.node_id == node->node_id) {
        text = whole_output(services.store, file);
        std::string wrong;
        schema::parse_json(text, wrong, 200);
        whole = wrong.empty() && !text.empty();  // nobody has checked it
      }
    if (whole && text.size() > kMostAnswer) {
      out.error = fmt::format(
          "the output of node \"{}\" of the workflow \"{}\" has {} MiB as JSON; at most {} can pass "
          "between executions (execution {})",
          name, row.workflow_name, text.size() >> 20U, kMostAnswer >> 20U, row.id);
      return out;
    }
    if (!whole) {
      out.error = fmt::format(
          "the output of node \"{}\" of the workflow \"{}\" is {}, which cannot pass between "
          "executions: only JSON can (execution {})",
          name, row.workflow_name, node ? node->output_type.value_or("gone") : "gone", row.id);
      return out;
    }
    values.emplace_back(name, std::move(text));
  }
  out.value = joined_values(std::move(values));
  return out;
}

// Ends it when nobody waits for it any more.
Task<engine::WorkflowAnswer> end_of(Services& services, Started started, std::function<bool()> stopped) {
  for (;;) {
    const bool over = co_await wait_for(started, kLook);
    auto look = [&services, id = started.id](sqlite::Db& db) -> std::optional<engine::WorkflowAnswer> {
      const auto row = store::find_summary(db, id);
      if (!row) return engine::WorkflowAnswer{id, "", fmt::format("its execution {} was deleted", id)};
      if (row->status == "queued" || row->status == "running" || row->status == "waiting") return std::nullopt;
      return answer_in(services, db, *row);
    };
    if (over) {
      auto answer = co_await services.store.read(std::move(look));
      if (answer) co_return std::move(*answer);
    }
    if (stopped()) co_await end_execution(services, started.id);
    else if (over) co_await sleep_for(kLook);  // left to the next process
  }
}

Task<engine::WorkflowAnswer> call_workflow(Services& services, Parent parent, engine::WorkflowCall call) {
  refuse_depth(parent.callers, call.workflow, call.max_depth);
  StartRequest request;
  auto find = [id = call.workflow, owner = std::optional(parent.created_by), &call, &request](sqlite::Db& db) {
    request.input = stored_json(call.input);
    return own_workflow(db, id, owner);
  };
  const store::Workflow workflow = co_await services.store.read(std::move(find));
  request.mode = call.wait ? "workflow" : "started";
  request.created_by = std::move(parent.created_by);
  request.parent = std::move(parent.execution_id);
  request.callers = std::move(parent.callers);
  request.in_parents_place = call.wait;
  Started started = co_await start_execution(services, workflow, std::move(request));
  if (!call.wait) {
    engine::WorkflowAnswer answer;
    answer.id = started.id;
    answer.value = json::serialize(json::object{{"execution_id", started.id}});
    co_return answer;
  }
  engine::WorkflowAnswer answer = co_await end_of(services, std::move(started), std::move(call.stopped));
  co_return answer;
}

}  // namespace

void refuse_depth(const std::vector<std::string>& callers, const std::string& name, unsigned max_depth) {
  if (callers.size() >= flow::kMostDepth)
    throw Fault(FaultKind::conflict, "too_deep",
                fmt::format("{} workflows run one another already, the most that may", flow::kMostDepth));
  const auto times = static_cast<std::size_t>(std::count(callers.begin(), callers.end(), name));
  if (times < std::max(1U, max_depth)) return;
  throw Fault(FaultKind::conflict, "recursion",
              max_depth == 0 ? "the workflow would run itself; max_depth says how often it may"
                             : fmt::format("the workflow runs within itself {} times, as max_depth says", max_depth));
}

std::string joined_values(std::vector<std::pair<std::string, std::string>> values) {
  if (values.size() == 1) return std::move(values.front().second);
  std::string out = "{";
  for (const auto& [name, text] : values)
    out += (out.size() > 1 ? "," : "") + json::serialize(json::value(json::string(name))) + ":" + text;
  return out + "}";
}

void let_call_workflows(Services& services, engine::Order& order) {
  if (order.workflow_id) order.callers.push_back(*order.workflow_id);
  Parent parent{order.execution_id, order.created_by, order.callers};
  order.call_workflow = [&services, parent = std::move(parent)](engine::WorkflowCall call) {
    return call_workflow(services, parent, std::move(call));
  };
}

}  // namespace qflow::services
