// /executions: list, get, data, delete, stop; and the files they left.
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "daemon/api/api.hpp"
#include "daemon/api/execution_view.hpp"
#include "daemon/observe/time.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace qflow::api {
namespace {

using http::Reply;
using http::Request;

Fault no_execution(const std::string& id) {
  return {FaultKind::not_found, "not_found", fmt::format("there is no execution {}", id)};
}

// Both dialects' words (api.md 2).
std::string status_word(const std::string& word) {
  static const std::map<std::string, std::string> kWords{
      {"running", "running"},     {"new", "running"},        {"completed", "completed"},
      {"success", "completed"},   {"failed", "failed"},      {"error", "failed"},
      {"cancelled", "cancelled"}, {"canceled", "cancelled"}, {"crashed", "crashed"}};
  const auto found = kWords.find(word);
  if (found == kWords.end())
    throw Fault(FaultKind::bad_input, "invalid_query",
                fmt::format("status: \"{}\" is none of running, completed, failed, cancelled, crashed", word));
  return found->second;
}

Task<Reply> list_page(Services& services, store::ExecutionQuery query) {
  auto job = [query](sqlite::Db& db) { return store::list_executions(db, query); };
  const store::ExecutionPage page = co_await services.store.read(std::move(job));
  json::array rows;
  for (const auto& row : page.rows) rows.push_back(summary_view(row));
  co_return Reply::of(json::object{{"count", page.count}, {"results", std::move(rows)}, {"estimated", page.estimated}});
}

Task<Reply> list(Services& services, const Request& request) {
  store::ExecutionQuery query;
  query.limit = request.integer("limit", request.integer("take", 20, 1, 100), 1, 100);
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  const auto text = [&](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() || found->second.empty() ? std::optional<std::string>()
                                                                 : std::optional(found->second);
  };
  query.before = text("lastId").value_or("");
  query.workflow_id = text("workflowId");
  if (const auto status = text("status")) query.status = status_word(*status);
  if (const auto filter = text("filter")) {
    std::string error;
    const json::value value = schema::parse_json(*filter, error);
    if (!value.is_object()) throw Fault(FaultKind::bad_input, "invalid_query", "filter: expected a JSON object");
    const auto member = [&](const char* name) -> const json::value* { return value.get_object().if_contains(name); };
    const json::value* status = member("status");
    if (status != nullptr && status->is_array() && status->get_array().size() == 1)
      status = &status->get_array().front();
    if (status != nullptr && !status->is_string())
      throw Fault(FaultKind::bad_input, "invalid_query", "filter.status: expected a string");
    if (status != nullptr) query.status = status_word(std::string(status->get_string()));
    const json::value* workflow = member("workflowId");
    if (workflow != nullptr && !workflow->is_string())
      throw Fault(FaultKind::bad_input, "invalid_query", "filter.workflowId: expected a string");
    if (workflow != nullptr) query.workflow_id = std::string(workflow->get_string());
  }
  return list_page(services, std::move(query));
}

Task<Reply> list_active(Services& services, const Request&) {
  store::ExecutionQuery query;
  query.limit = 100;
  query.status = "running";
  return list_page(services, std::move(query));
}

Task<json::object> load(Services& services, std::string id) {
  auto job = [id](sqlite::Db& db) -> std::optional<json::object> {
    const auto execution = store::find_execution(db, id);
    if (!execution) return std::nullopt;
    return execution_view(*execution, store::nodes_of(db, id), store::files_of(db, id));
  };
  std::optional<json::object> found = co_await services.store.read(std::move(job));
  if (!found) throw no_execution(id);
  co_return std::move(*found);
}

Task<Reply> get(Services& services, const Request& request) {
  const json::object view = co_await load(services, request.parameter("id"));
  co_return Reply::of(view);
}

Task<Reply> data(Services& services, const Request& request) {
  const json::object view = co_await load(services, request.parameter("id"));
  co_return Reply::of(view.at("data"));
}

Task<bool> cancel_on_engine(Services& services, std::string id) { co_return services.engine.cancel(id); }

Task<bool> is_active_on_engine(Services& services, std::string id) { co_return services.engine.is_active(id); }

Task<Reply> remove(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  auto look = [&services, id] { return is_active_on_engine(services, id); };
  if (co_await on_engine(services, std::move(look)))
    throw Fault(FaultKind::conflict, "still_running",
                fmt::format("execution {} is running; stop it first (POST /executions/{}/stop)", id, id));
  auto job = [id](sqlite::Tx& tx) {
    std::vector<std::string> orphans;
    return store::delete_execution(tx, id, orphans) ? std::optional(std::move(orphans)) : std::nullopt;
  };
  const std::optional<std::vector<std::string>> orphans = co_await services.store.write(std::move(job));
  if (!orphans) throw no_execution(id);
  auto clean = [&store = services.store, hashes = *orphans] {
    for (const std::string& hash : hashes) store.drop_blob(hash);
  };
  if (!orphans->empty()) co_await services.store.offload(std::move(clean));
  co_return Reply::of(json::object{{"success", true}});
}

Task<Reply> stop(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  auto cancel = [&services, id] { return cancel_on_engine(services, id); };
  const bool cancelled = co_await on_engine(services, std::move(cancel));
  json::object view = co_await load(services, id);
  if (!cancelled && view.at("status") != "running")
    throw Fault(
        FaultKind::conflict, "already_finished",
        fmt::format("execution {} has finished already, as {}", id, std::string(view.at("status").as_string())));
  // The kill is immediate, the record follows within moments.
  for (int i = 0; i < 100 && view.at("status") == "running"; ++i) {
    co_await sleep_for(std::chrono::milliseconds(20));
    view = co_await load(services, id);
  }
  co_return Reply::of(view);
}

}  // namespace

void add_execution_routes(std::vector<http::Route>& table, Services& services) {
  using http::Access;
  table.push_back({"GET", "/executions", Access::token, "listExecutions",
                   [&services](const Request& r) { return list(services, r); }});
  table.push_back({"GET", "/executions/active", Access::token, "listActiveExecutions",
                   [&services](const Request& r) { return list_active(services, r); }});
  table.push_back({"GET", "/executions/{id}", Access::token, "getExecution",
                   [&services](const Request& r) { return get(services, r); }});
  table.push_back({"GET", "/executions/{id}/data", Access::token, "getExecutionData",
                   [&services](const Request& r) { return data(services, r); }});
  table.push_back({"DELETE", "/executions/{id}", Access::token, "deleteExecution",
                   [&services](const Request& r) { return remove(services, r); }});
  table.push_back({"POST", "/executions/{id}/stop", Access::token, "stopExecution",
                   [&services](const Request& r) { return stop(services, r); }});
}

}  // namespace qflow::api
