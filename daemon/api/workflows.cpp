// /workflows: store, list, change, delete, execute.
#include <fmt/format.h>

#include <set>

#include "daemon/api/api.hpp"
#include "daemon/api/execution_view.hpp"
#include "daemon/engine/reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/store/workflows.hpp"
#include "schema/messages.hpp"

namespace qflow::api {
namespace {

using http::Reply;
using http::Request;

Fault no_workflow(const std::string& id) {
  return {FaultKind::not_found, "not_found", fmt::format("there is no workflow {}", id)};
}

json::value stored(const std::string& text) {
  std::string error;
  return schema::parse_json(text, error, 200);
}

json::object view(const store::Workflow& w) {
  json::object out{{"id", w.id},
                   {"name", w.name},
                   {"description", w.description},
                   {"nodes", stored(w.nodes)},
                   {"connections", stored(w.connections)},
                   {"settings", stored(w.settings)}};
  if (w.python_version.empty()) out["python_version"] = nullptr;
  else out["python_version"] = w.python_version;
  out["active"] = w.is_active;
  out["version"] = w.version;
  out["createdAt"] = iso_time(w.created_at);
  out["updatedAt"] = iso_time(w.updated_at);
  const json::value extra = stored(w.extra);
  if (const auto* members = extra.if_object())
    for (const auto& [key, value] : *members)
      if (!out.contains(key)) out[key] = value;
  return out;
}

std::string string_member(const json::object& body, const char* name, const std::string& fallback) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_string())
    throw Fault(FaultKind::bad_input, "invalid_workflow", fmt::format("/{}: expected a string", name));
  return std::string(value->get_string());
}

// Takes what `body` has into `w`; members that are none of ours are kept as they are.
void apply(const json::object& body, store::Workflow& w) {
  w.name = string_member(body, "name", w.name);
  if (w.name.find_first_not_of(" \t") == std::string::npos)
    throw Fault(FaultKind::bad_input, "invalid_workflow", "/name: required");
  if (w.name.size() > 500) throw Fault(FaultKind::bad_input, "invalid_workflow", "/name: longer than 500 bytes");
  w.description = string_member(body, "description", w.description);
  w.python_version = string_member(body, "python_version", w.python_version);
  const auto part = [&](const char* name, std::string& text, bool list_allowed) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr || value->is_null()) return;
    if (!value->is_object() && !(list_allowed && value->is_array()))
      throw Fault(FaultKind::bad_input, "invalid_workflow",
                  fmt::format("/{}: expected {}", name, list_allowed ? "an object or a list" : "an object"));
    text = json::serialize(*value);
  };
  if (const json::value* nodes = body.if_contains("nodes"); nodes != nullptr && !nodes->is_null()) {
    if (!nodes->is_array()) throw Fault(FaultKind::bad_input, "invalid_workflow", "/nodes: expected a list of nodes");
    w.nodes = json::serialize(*nodes);
  }
  part("connections", w.connections, true);
  part("settings", w.settings, false);
  static const std::set<std::string_view> kOurs{"id",          "name",      "description",    "nodes",
                                                "connections", "settings",  "python_version", "active",
                                                "version",     "createdAt", "updatedAt"};
  json::value extra = stored(w.extra);
  for (const auto& [key, value] : body)
    if (kOurs.count(key) == 0) extra.as_object()[key] = value;
  w.extra = json::serialize(extra);
}

// Reading it tells of unknown nodes in connections and of wrong types; what only shows when it runs (cycles, missing
// code) is refused when it is executed, because an editor saves unfinished work.
engine::Graph graph_of(const store::Workflow& w) {
  json::object document{{"name", w.name},
                        {"nodes", stored(w.nodes)},
                        {"connections", stored(w.connections)},
                        {"settings", stored(w.settings)}};
  if (!w.python_version.empty()) document["python_version"] = w.python_version;
  return engine::read_workflow(document);
}

Task<store::Workflow> load(Services& services, const std::string& id) {
  auto job = [id](sqlite::Db& db) { return store::find_workflow(db, id); };
  std::optional<store::Workflow> found = co_await services.store.read(std::move(job));
  if (!found) throw no_workflow(id);
  co_return std::move(*found);
}

Task<Reply> create(Services& services, const Request& request) {
  const json::object body = request.json_object();
  store::Workflow w;
  w.id = new_id();
  w.nodes = "[]";
  w.connections = "{}";
  w.settings = "{}";
  w.extra = "{}";
  w.created_at = w.updated_at = now_us();
  apply(body, w);
  graph_of(w);
  auto job = [w](sqlite::Tx& tx) { store::insert_workflow(tx, w); };
  co_await services.store.write(std::move(job));
  co_return Reply::of(201, view(w));
}

Task<Reply> list(Services& services, const Request& request) {
  store::WorkflowQuery query;
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  query.take = request.integer("take", request.integer("limit", 50, 1, 250), 1, 250);
  if (const auto sort = request.query.find("sortBy"); sort != request.query.end() && !sort->second.empty()) {
    using Sort = store::WorkflowQuery::Sort;
    static const std::map<std::string, Sort> kSorts{{"updatedAt:desc", Sort::updated_desc},
                                                    {"updatedAt:asc", Sort::updated_asc},
                                                    {"name:asc", Sort::name_asc},
                                                    {"name:desc", Sort::name_desc},
                                                    {"createdAt:desc", Sort::created_desc}};
    const auto found = kSorts.find(sort->second);
    if (found == kSorts.end())
      throw Fault(FaultKind::bad_input, "invalid_query",
                  "sortBy: expected updatedAt:desc, updatedAt:asc, name:asc, name:desc or createdAt:desc");
    query.sort = found->second;
  }
  if (const auto filter = request.query.find("filter"); filter != request.query.end() && !filter->second.empty()) {
    std::string error;
    const json::value value = schema::parse_json(filter->second, error);
    if (!value.is_object()) throw Fault(FaultKind::bad_input, "invalid_query", "filter: expected a JSON object");
    query.name_contains = string_member(value.get_object(), "name", "");
    if (const json::value* active = value.get_object().if_contains("active"); active != nullptr && active->is_bool())
      query.active = active->get_bool();
  }
  auto job = [query](sqlite::Db& db) { return store::list_workflows(db, query); };
  const store::WorkflowPage page = co_await services.store.read(std::move(job));
  json::array rows;
  for (const auto& row : page.rows) rows.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(rows)}, {"count", page.count}});
}

Task<Reply> get(Services& services, const Request& request) {
  const store::Workflow w = co_await load(services, request.parameter("id"));
  co_return Reply::of(view(w));
}

// Read, changed and written in one transaction: of two who change different members at once, neither loses.
Task<Reply> patch(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const std::string id = request.parameter("id");
  auto job = [id, body](sqlite::Tx& tx) {
    std::optional<store::Workflow> w = store::find_workflow(*tx.operator->(), id);
    if (!w) throw no_workflow(id);
    apply(body, *w);
    graph_of(*w);
    w->updated_at = now_us();
    store::update_workflow(tx, *w);
    ++w->version;
    return *w;
  };
  const store::Workflow changed = co_await services.store.write(std::move(job));
  co_return Reply::of(view(changed));
}

Task<Reply> remove(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  auto job = [id](sqlite::Tx& tx) { return store::delete_workflow(tx, id); };
  if (!co_await services.store.write(std::move(job))) throw no_workflow(id);
  co_return Reply::of(json::object{{"success", true}});
}

// Not awaited by anybody: the engine owns it, and drain() waits for it.
Task<> run_in_background(Services& services, engine::Order order) {
  const std::string id = order.execution_id;
  try {
    co_await services.engine.run(std::move(order), nullptr);
  } catch (const std::exception& error) {
    log::warning("api", "an execution did not run", {{"execution_id", id}, {"reason", error.what()}});
  }
}

// 202 at once, or with ?wait=SECONDS the finished execution, 200.
Task<Reply> execute(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const std::int64_t wait = request.integer("wait", 0, 0, 3600);
  const store::Workflow w = co_await load(services, request.parameter("id"));
  const engine::Graph graph = graph_of(w);
  engine::Order order;
  order.plan = engine::make_plan(graph, services.settings);
  if (const json::value* input = body.if_contains("input_data"); input != nullptr && !input->is_null())
    order.input = *input;
  order.execution_id = new_id();
  order.workflow_id = w.id;
  order.workflow_name = w.name;
  const std::string id = order.execution_id;
  const std::int64_t started = now_us();
  co_await services.engine.record_start(order);
  auto job = [&services, order = std::move(order)]() mutable { return run_in_background(services, std::move(order)); };
  if (wait == 0) {
    asio::co_spawn(services.engine_executor, std::move(job), asio::detached);
    co_return Reply::of(202, json::object{{"id", id},
                                          {"executionId", id},
                                          {"workflowId", w.id},
                                          {"status", "running"},
                                          {"startedAt", iso_time(started)}});
  }
  // The client's patience ends the waiting, not the execution.
  const auto executor = co_await asio::this_coro::executor;
  auto done = std::make_shared<asio::steady_timer>(executor, std::chrono::seconds(wait));
  auto finished = [done](std::exception_ptr) { asio::post(done->get_executor(), [done] { done->cancel(); }); };
  asio::co_spawn(services.engine_executor, std::move(job), std::move(finished));
  boost::system::error_code ignored;
  co_await done->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  auto read = [id](sqlite::Db& db) {
    auto execution = store::find_execution(db, id);
    return execution ? execution_view(*execution, store::nodes_of(db, id), store::files_of(db, id)) : json::object();
  };
  const json::object result = co_await services.store.read(std::move(read));
  co_return Reply::of(200, result);
}

}  // namespace

void add_workflow_routes(std::vector<http::Route>& table, Services& services) {
  using http::Access;
  table.push_back({"POST", "/workflows", Access::token, "createWorkflow",
                   [&services](const Request& r) { return create(services, r); }});
  table.push_back({"GET", "/workflows", Access::token, "listWorkflows",
                   [&services](const Request& r) { return list(services, r); }});
  table.push_back({"GET", "/workflows/{id}", Access::token, "getWorkflow",
                   [&services](const Request& r) { return get(services, r); }});
  table.push_back({"PATCH", "/workflows/{id}", Access::token, "updateWorkflow",
                   [&services](const Request& r) { return patch(services, r); }});
  table.push_back({"DELETE", "/workflows/{id}", Access::token, "deleteWorkflow",
                   [&services](const Request& r) { return remove(services, r); }});
  table.push_back({"POST", "/workflows/{id}/execute", Access::token, "executeWorkflow",
                   [&services](const Request& r) { return execute(services, r); }});
}

}  // namespace qflow::api
