#include "daemon/api/executions/webhooks.hpp"

#include <fmt/format.h>

#include <set>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {
namespace {

constexpr auto kPatience = std::chrono::seconds(120);

json::object view(const store::Webhook& w) {
  return {{"id", w.id},
          {"workflowId", w.workflow_id},
          {"path", w.path},
          {"method", w.method},
          {"node", w.node},
          {"response", w.response},
          {"url", "/webhook/" + w.path},
          {"createdAt", iso_time(w.created_at)}};
}

// The workflow's input, without the proofs of this server's own users.
json::object input_of(const Request& request, const std::string& path) {
  json::object headers, query;
  for (const auto& [name, value] : request.headers) {
    std::string key = name;
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool proof =
        key == "authorization" && (request.caller->signed_in() || value.find("qf_") != std::string::npos);
    if (key != "cookie" && key != "x-setup-token" && !proof) headers[key] = to_utf8(value);
  }
  for (const auto& [name, value] : request.query) query[to_utf8(name)] = to_utf8(value);
  json::value body = nullptr;
  if (request.header("content-type").find("json") != std::string_view::npos) body = request.json_body();
  else if (!request.body.empty()) body = json::string(to_utf8(request.body));
  return {{"method", request.method}, {"path", path}, {"headers", headers}, {"query", query}, {"body", body}};
}

// The value of the node that the webhook names; otherwise {"node name": value} of the last nodes, or a single value.
json::value result_of(const store::Execution& execution, const std::vector<store::NodeExecution>& nodes,
                      const std::string& wanted) {
  for (const auto& node : nodes)
    if (!wanted.empty() && (node.node_id == wanted || node.node_name == wanted))
      return node.output_data ? services::stored_json(*node.output_data) : json::value();
  const json::value outputs =
      execution.output_data ? services::stored_json(*execution.output_data) : json::value(json::object());
  if (outputs.is_object() && outputs.get_object().size() == 1) return outputs.get_object().begin()->value();
  return outputs;
}

}  // namespace

Task<Reply> list_webhooks(Services& services, const Request& request) {
  auto job = [owner = request.caller->owner_filter(), workflow = request.text("workflowId")](sqlite::Db& db) {
    return store::list_webhooks(db, owner, workflow);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array out;
  for (const auto& row : rows) out.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(out)}});
}

Task<Reply> create_webhook(Services& services, const Request& request) {
  Body body(request.json_object());
  store::Webhook w;
  w.id = new_id();
  w.workflow_id = body.required("workflowId", 100);
  w.path = body.text("path", 200).value_or(auth::random_token());
  w.method = body.text("method", 10).value_or("POST");
  w.node = body.text("node", 500).value_or("");
  w.response = body.text("response", 20).value_or("accepted");
  static const std::set<std::string_view> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};
  if (kMethods.count(w.method) == 0) body.problem("/method", "expected GET, POST, PUT, PATCH or DELETE");
  if (w.response != "accepted" && w.response != "result") body.problem("/response", "expected accepted or result");
  while (w.path.starts_with('/')) w.path.erase(0, 1);
  if (w.path.empty() || w.path.ends_with('/') || w.path.find("//") != std::string::npos ||
      w.path.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/") !=
          std::string::npos)
    body.problem("/path", "expected letters, digits and - . _ ~, in parts separated by /");
  body.check();
  w.created_by = request.caller->user_id;
  w.created_at = now_us();
  auto job = [w, owner = request.caller->owner_filter()](sqlite::Tx& tx) {
    const auto workflow = store::find_workflow(*tx.operator->(), w.workflow_id, owner);
    if (!workflow)
      throw Fault(FaultKind::bad_input, "missing_workflow",
                  fmt::format("/workflowId: no workflow has the id {}", w.workflow_id));
    if (!w.node.empty()) {
      const flow::Graph graph = services::graph_of(*workflow);
      if (std::none_of(graph.nodes.begin(), graph.nodes.end(),
                       [&](const auto& node) { return node.id == w.node || node.name == w.node; }))
        throw Fault(FaultKind::bad_input, "missing_node",
                    fmt::format("/node: the workflow has no node \"{}\"", w.node));
    }
    store::Webhook row = w;
    row.created_by = workflow->created_by ? workflow->created_by : w.created_by;  // owned like the workflow
    store::insert_webhook(tx, row);
  };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "webhook.created", w.path, {{"id", w.id}, {"workflow", w.workflow_id}});
  co_return Reply::of(201, view(w));
}

Task<Reply> get_webhook(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_webhook(db, id, owner);
  };
  const auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("webhook", request.parameter("id"));
  co_return Reply::of(view(*found));
}

Task<Reply> delete_webhook(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Tx& tx) {
    if (!store::find_webhook(*tx.operator->(), id, owner)) throw missing("webhook", id);
    store::delete_webhook(tx, id);
  };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "webhook.deleted", request.parameter("id"));
  co_return Reply::success();
}

// Replies with 202 and the execution's id, or with the result, as the webhook's `response` says.
Task<Reply> call_webhook(Services& services, const Request& request) {
  const std::string path = request.parameter("path");
  auto job = [path, method = request.method](sqlite::Db& db) {
    const auto webhook = store::find_webhook_at(db, path, method);
    auto workflow = webhook ? store::find_workflow(db, webhook->workflow_id, std::nullopt) : std::nullopt;
    const auto owner = workflow && workflow->created_by ? store::find_user(db, *workflow->created_by) : std::nullopt;
    if (!owner || !owner->is_active) workflow.reset();  // a user whose access has ended runs nothing
    return std::make_pair(webhook, std::move(workflow));
  };
  const auto found = co_await services.store.read(std::move(job));
  // The reply does not reveal whether there is an inactive workflow behind the path.
  if (!found.first || !found.second || !found.second->is_active)
    throw Fault(FaultKind::not_found, "not_found",
                fmt::format("no active workflow waits for {} /webhook/{}", request.method, path));
  if (const auto verdict = services.rates.take(found.first->id, auth::Rate::webhooks, true); !verdict.allowed)
    throw auth::rate_fault(verdict);
  std::optional<json::value> input = json::value(input_of(request, path));
  const services::Started started = co_await services::start_execution(
      services, *found.second, std::move(input), "webhook", found.second->created_by.value_or(""));
  if (found.first->response == "accepted")
    co_return Reply::of(202, json::object{{"executionId", started.id}, {"status", "running"}});
  if (!co_await services::wait_for(started, kPatience))
    throw Fault(FaultKind::timeout, "timeout", "the workflow is still running; its result will be in the record",
                {{"executionId", started.id}});
  auto read = [id = started.id, node = found.first->node](sqlite::Db& db) {
    return std::make_pair(store::find_execution(db, id),
                          node.empty() ? std::vector<store::NodeExecution>() : store::nodes_of(db, id));
  };
  const auto record = co_await services.store.read(std::move(read));
  const auto& execution = record.first;
  if (!execution || execution->status != "completed") {
    Fault fault(FaultKind::internal, "workflow_failed", "the workflow did not complete; the record says why",
                {{"executionId", started.id}});
    co_return Reply::of(fault);
  }
  co_return Reply::of(result_of(*execution, record.second, found.first->node));
}

}  // namespace qflow::api
