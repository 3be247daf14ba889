#include "daemon/services/retrying.hpp"

#include <fmt/format.h>

#include "daemon/services/ending.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostRead = 64 << 20;  // bytes of an execution's record

// What a retry is made of.
struct Repeated {
  store::Execution row;  ///< without its input and output
  std::optional<std::string> input;
  store::Workflow workflow;
  PartialRun part;
  std::vector<std::pair<std::string, json::object>> state_changes;  ///< of the workflow's state, with the node's name
};

Repeated read_repeated(sqlite::Db& db, const auth::Caller& caller, const std::string& id, bool from_failed,
                       bool current) {
  Repeated out;
  out.row = own_execution(db, caller, id);
  out.input = store::find_input(db, id);
  if (is_open(out.row.status))
    throw Fault(FaultKind::conflict, "still_running",
                fmt::format("execution {} is {}; stop it first", id, out.row.status));
  if (current) {
    out.workflow = own_workflow(db, out.row.workflow_id.value_or(""), caller.owner_filter());
  } else {
    const auto text = store::find_document(db, out.row.document_hash.value_or(""));
    if (!text)
      throw Fault(FaultKind::conflict, "missing_document", "what it ran was not kept; retry the current workflow");
    const json::value document = stored_json(*text);
    out.workflow = fresh_workflow(out.row.created_by.value_or(caller.user_id));
    take_workflow(document.as_object(), out.workflow);
    out.workflow.id = out.row.workflow_id.value_or("");
    out.part = part_in(document.as_object());
  }
  if (!from_failed) return out;
  out.part.known = recorded_values(db, id);
  for (const store::NodeExecution& row : store::nodes_of(db, id, kMostRead)) {
    if (!row.told || row.status != "completed") continue;
    const json::value told = stored_json(*row.told);
    if (told.is_object() && told.get_object().contains("state"))
      out.state_changes.emplace_back(row.node_name, told.get_object().at("state").as_object());
  }
  return out;
}

}  // namespace

Task<Retried> retry_execution(Services& services, const auth::Caller& caller, std::string id, bool from_failed,
                              bool current) {
  auto read = [id, caller, from_failed, current](sqlite::Db& db) {
    return read_repeated(db, caller, id, from_failed, current);
  };
  Repeated repeated = co_await services.store.read(std::move(read));
  Retried out;
  const flow::Graph graph = graph_of(repeated.workflow);
  const flow::Pins kept = settled_pins(graph, repeated.part);
  for (const flow::Node& node : graph.nodes) {
    if (node.role != flow::NodeRole::code && node.role != flow::NodeRole::flow) continue;
    (kept.count(node.name) != 0 ? out.reused : out.again).push_back(node.name);
  }
  StartRequest request;
  for (auto& [name, change] : repeated.state_changes)
    if (kept.count(name) != 0) request.state_changes.push_back(std::move(change));
  if (repeated.input) request.input = stored_json(*repeated.input);
  request.mode = "retry";
  request.created_by = repeated.row.created_by.value_or(caller.user_id);
  request.part = std::move(repeated.part);
  request.retry_of = id;
  out.started = co_await start_execution(services, repeated.workflow, std::move(request));
  co_return out;
}

}  // namespace qflow::services
