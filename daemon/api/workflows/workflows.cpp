#include "daemon/api/workflows/workflows.hpp"

#include <fmt/format.h>

#include "daemon/api/executions/execution_view.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/services/workflow_folders.hpp"
#include "daemon/store/folder_rows.hpp"
#include "daemon/store/tag_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::api {
namespace {

/// How long a save waits for the types of code that is not described yet.
constexpr auto kPatience = std::chrono::milliseconds(1000);

json::object view(const services::TaggedWorkflow& tagged) { return workflow_view(tagged.workflow, tagged.tags); }

Task<services::TaggedWorkflow> load(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Db& db) {
    return services::tagged_workflow(db, id, owner);
  };
  return services.store.read(std::move(job));
}

// The reply of a save has errors and warnings, which never prevent the save. Findings that take longer show with the
// next save, or in POST /workflows/{id}/validate; `check_incomplete` says so.
Task<json::object> view_with_findings(Services& services, const services::TaggedWorkflow& saved) {
  const store::Workflow& w = saved.workflow;
  const auto findings = co_await services::check_within(services, services::document_of(w), w.created_by, kPatience);
  json::object out = view(saved);
  json::object checked = findings_view(findings);
  out["findings"] = std::move(checked["findings"]);
  co_return out;
}

std::optional<bool> active_in(const json::object& body) {
  const json::value* value = body.if_contains("active");
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_bool()) throw Fault(FaultKind::bad_input, "invalid_workflow", "/active: expected true or false");
  return value->get_bool();
}

services::WorkflowDraft draft_in(const Request& request) {
  services::WorkflowDraft draft;
  draft.document = request.json_object();
  draft.active = active_in(draft.document);
  draft.tags = services::tags_in(draft.document);
  return draft;
}

store::WorkflowQuery::Sort sort_of(const std::string& word) {
  using Sort = store::WorkflowQuery::Sort;
  static const std::map<std::string, Sort> kSorts{
      {"updatedAt:desc", Sort::updated_desc}, {"updatedAt:asc", Sort::updated_asc},
      {"name:asc", Sort::name_asc},           {"name:desc", Sort::name_desc},
      {"createdAt:desc", Sort::created_desc}, {"createdAt:asc", Sort::created_asc}};
  const auto found = kSorts.find(word);
  if (found == kSorts.end())
    throw Fault(FaultKind::bad_input, "invalid_query",
                "sortBy: expected updatedAt, name or createdAt, with :asc or :desc");
  return found->second;
}

void take_filter(const json::object& filter, store::WorkflowQuery& query) {
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const json::value* value = filter.if_contains(name);
    if (value == nullptr || value->is_null()) return std::nullopt;
    const json::value* one = value->is_array() && value->get_array().size() == 1 ? &value->get_array().front() : value;
    if (!one->is_string())
      throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("filter.{}: expected a string", name));
    return std::string(std::string_view(one->get_string()));
  };
  const auto flag = [&](const char* name) -> std::optional<bool> {
    const json::value* value = filter.if_contains(name);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_bool())
      throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("filter.{}: expected true or false", name));
    return value->get_bool();
  };
  query.name_contains = text("name").value_or("");
  if (query.name_contains.empty()) query.name_contains = text("query").value_or("");
  query.active = flag("active");
  query.archived = flag("isArchived");
  query.folder_id = text("parentFolderId");
  if (const json::value* tags = filter.if_contains("tags"); tags != nullptr && tags->is_array()) {
    for (const auto& one : tags->get_array())
      if (!one.is_string()) throw Fault(FaultKind::bad_input, "invalid_query", "filter.tags: expected strings");
    if (!tags->get_array().empty()) query.tags = json::serialize(*tags);
  } else if (const auto tag = text("tags")) {
    query.tags = json::serialize(json::array{json::value(*tag)});
  }
}

std::optional<std::string> project_in(const Request& request) {
  const json::object filter = request.object("filter");
  const json::value* value = filter.if_contains("projectId");
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) throw Fault(FaultKind::bad_input, "invalid_query", "filter.projectId: expected a string");
  return std::string(std::string_view(value->get_string()));
}

// The folders in `parent`, or at the top level, as rows among the workflows.
json::array folder_rows(sqlite::Db& db, const std::string& project, const std::optional<std::string>& parent) {
  json::array rows;
  for (const auto& folder : store::list_folders(db, project)) {
    if (folder.parent_folder_id.value_or("0") != parent.value_or("0")) continue;
    json::object row{{"id", folder.id},
                     {"name", folder.name},
                     {"projectId", folder.project_id},
                     {"parentFolderId", nullptr},
                     {"resource", "folder"},
                     {"createdAt", iso_time(folder.created_at)},
                     {"updatedAt", iso_time(folder.updated_at)}};
    if (folder.parent_folder_id) row["parentFolderId"] = *folder.parent_folder_id;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Task<Reply> create_workflow(Services& services, const Request& request) {
  services::WorkflowDraft draft = draft_in(request);
  const services::TaggedWorkflow made = co_await services::create_workflow(services, *request.caller, std::move(draft));
  const json::object out = co_await view_with_findings(services, made);
  co_return Reply::of(201, out);
}

Task<Reply> list_workflows(Services& services, const Request& request) {
  store::WorkflowQuery query;
  const json::object options = request.object("options");
  const auto option = [&](const char* name, std::int64_t fallback) {
    const json::value* value = options.if_contains(name);
    if (value == nullptr) return fallback;
    if (!value->is_int64())
      throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("options.{}: expected a whole number", name));
    return value->get_int64();
  };
  query.skip = request.integer("skip", std::max<std::int64_t>(option("skip", 0), 0), 0, 1'000'000'000);
  query.take = request.integer(
      "take", request.integer("limit", std::clamp<std::int64_t>(option("take", 50), 1, 250), 1, 250), 1, 250);
  std::string sort = request.text("sortBy").value_or("");
  if (const json::value* by = options.if_contains("sortBy"); sort.empty() && by != nullptr && by->is_string())
    sort = std::string(std::string_view(by->get_string()));
  if (!sort.empty()) query.sort = sort_of(sort);
  take_filter(request.object("filter"), query);
  query.owner = request.caller->owner_filter();
  if (request.flag("onlySharedWithMe").value_or(false)) query.owner = "";  // nothing is shared: rows have one owner
  const bool scopes = request.flag("includeScopes").value_or(false);
  const bool folders = request.flag("includeFolders").value_or(false);
  auto job = [query, scopes, folders, project = project_in(request), caller = request.caller](sqlite::Db& db) mutable {
    json::array rows;
    const auto found = services::project_if_visible(db, *caller, project.value_or("personal"));
    if (project) query.owner = found ? found->user_id : "";
    if (folders && found) rows = folder_rows(db, found->id, query.folder_id);
    const auto folder_count = static_cast<std::int64_t>(rows.size());
    store::WorkflowPage page = store::list_workflows(db, query);
    page.count += folder_count;
    for (const auto& row : page.rows) {
      json::object whole = workflow_view(row, store::tags_of(db, store::Tagged::workflows, row.id));
      if (scopes)
        whole["scopes"] = json::array{"workflow:read", "workflow:update", "workflow:delete", "workflow:execute"};
      rows.push_back(std::move(whole));
    }
    return json::object{{"data", std::move(rows)}, {"count", page.count}};
  };
  const json::object page = co_await services.store.read(std::move(job));
  co_return Reply::of(page);
}

Task<Reply> new_workflow(Services& services, const Request& request) {
  std::string wanted = request.text("name").value_or("My workflow");
  const std::string name = co_await services::free_workflow_name(services, *request.caller, std::move(wanted));
  co_return Reply::of(
      json::object{{"name", name}, {"defaultSettings", {{"python_version", services.settings.get()->default_python}}}});
}

Task<Reply> get_workflow(Services& services, const Request& request) {
  const services::TaggedWorkflow found = co_await load(services, request);
  co_return Reply::of(view(found));
}

Task<Reply> update_workflow(Services& services, const Request& request) {
  services::WorkflowDraft draft = draft_in(request);
  const services::TaggedWorkflow changed =
      co_await services::change_workflow(services, *request.caller, request.parameter("id"), std::move(draft));
  const json::object out = co_await view_with_findings(services, changed);
  co_return Reply::of(out);
}

Task<Reply> delete_workflow(Services& services, const Request& request) {
  co_await services::delete_workflow(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> activate_workflow(Services& services, const Request& request) {
  const services::TaggedWorkflow changed =
      co_await services::set_workflow_active(services, *request.caller, request.parameter("id"), true);
  co_return Reply::of(view(changed));
}

Task<Reply> deactivate_workflow(Services& services, const Request& request) {
  const services::TaggedWorkflow changed =
      co_await services::set_workflow_active(services, *request.caller, request.parameter("id"), false);
  co_return Reply::of(view(changed));
}

Task<Reply> list_active_workflows(Services& services, const Request& request) {
  auto job = [owner = request.caller->owner_filter()](sqlite::Db& db) { return store::active_workflows(db, owner); };
  const auto ids = co_await services.store.read(std::move(job));
  co_return Reply::of(json::value_from(ids));
}

// Replies with 202 at once or, with ?wait=SECONDS, with 200 and the finished execution.
Task<Reply> execute_workflow(Services& services, const Request& request) {
  const json::object body = request.json_object();
  const std::int64_t wait = request.integer("wait", 0, 0, 3600);
  if (wait > 0 && !request.caller->reaches("executions:read"))
    throw Fault(FaultKind::forbidden, "missing_scope",
                "`wait` replies with the execution, but this API key does not have the scope \"executions:read\"");
  std::optional<json::value> input;
  if (const json::value* given = body.if_contains("input_data"); given != nullptr && !given->is_null()) input = *given;
  const services::Started started =
      co_await services::run_workflow(services, *request.caller, request.parameter("id"), std::move(input));
  if (wait > 0) co_await services::wait_for(started, std::chrono::seconds(wait), request.presence);
  if (wait == 0)
    co_return Reply::of(202, json::object{{"id", started.id},
                                          {"executionId", started.id},
                                          {"workflowId", started.workflow_id},
                                          {"status", started.queued ? "queued" : "running"},
                                          {"startedAt", iso_time(started.at)}});
  auto read = [&services, id = started.id, caller = request.caller](sqlite::Db& db) {
    const services::ExecutionRecord record = services::execution_record(services, db, *caller, id);
    Reply reply = Reply::of(execution_view(record));
    reply.room = record.room;
    return reply;
  };
  Reply reply = co_await services.store.read(std::move(read));
  co_return reply;
}

}  // namespace qflow::api
