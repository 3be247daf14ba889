#include "daemon/api/workflows/workflows.hpp"

#include <fmt/format.h>

#include "daemon/api/executions/execution_view.hpp"
#include "daemon/api/filter.hpp"
#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/execution_record.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/services/workflow_list.hpp"

namespace qflow::api {
namespace {

json::object view(const services::TaggedWorkflow& tagged) { return workflow_view(tagged.workflow, tagged.tags); }

// The reply of a save has errors and warnings, which never prevent the save. Findings that take longer show with the
// next save, or in POST /workflows/{id}/validate; `check_incomplete` says so.
Task<json::object> view_with_findings(Services& services, const services::TaggedWorkflow& saved) {
  const store::Workflow& w = saved.workflow;
  json::object document = services::document_with_misspelt(w);
  const auto findings =
      co_await services::check_within(services, std::move(document), w.created_by, services::kSavePatience);
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

// What a list request asks for: members of the documented `filter` and `options`, or shorter query parameters.
services::WorkflowQuestion question_of(const Request& request) {
  const Filter filter(request, "filter"), options(request, "options");
  services::WorkflowQuestion question;
  store::WorkflowQuery& query = question.query;
  const auto skip = options.whole("skip", 0, 1'000'000'000);
  const auto take = options.whole("take", 1, 250);
  query.skip = request.integer("skip", skip.value_or(0), 0, 1'000'000'000);
  query.take = request.integer("take", request.integer("limit", take.value_or(50), 1, 250), 1, 250);
  auto sort = request.text("sortBy");
  if (!sort) sort = options.text("sortBy");
  if (sort && !sort->empty()) query.sort = sort_of(*sort);
  query.name_contains = filter.text("name").value_or("");
  if (query.name_contains.empty()) query.name_contains = filter.text("query").value_or("");
  query.active = filter.flag("active");
  query.archived = filter.flag("isArchived");
  query.folder_id = filter.text("parentFolderId");
  const std::vector<std::string> tags = filter.texts("tags");
  if (!tags.empty()) query.tags = json::serialize(json::value_from(tags));
  question.project = filter.text("projectId");
  question.only_shared = request.flag("onlySharedWithMe").value_or(false);
  question.with_folders = request.flag("includeFolders").value_or(false);
  return question;
}

}  // namespace

Task<Reply> create_workflow(Services& services, const Request& request) {
  services::WorkflowDraft draft = draft_in(request);
  const services::TaggedWorkflow made = co_await services::create_workflow(services, *request.caller, std::move(draft));
  const json::object out = co_await view_with_findings(services, made);
  co_return Reply::of(201, out);
}

Task<Reply> list_workflows(Services& services, const Request& request) {
  const bool scopes = request.flag("includeScopes").value_or(false);
  auto job = [question = question_of(request), scopes, caller = request.caller](sqlite::Db& db) {
    const services::WorkflowList list = services::list_workflows(db, *caller, question);
    json::array rows;
    for (const store::Folder& folder : list.folders) {
      json::object row = folder_view(folder);
      row["resource"] = "folder";
      rows.push_back(std::move(row));
    }
    for (const services::TaggedWorkflow& one : list.workflows) {
      json::object row = view(one);
      if (scopes)
        row["scopes"] = json::array{"workflow:read", "workflow:update", "workflow:delete", "workflow:execute"};
      rows.push_back(std::move(row));
    }
    return json::object{{"data", std::move(rows)}, {"count", list.count}};
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
  const services::TaggedWorkflow found =
      co_await services::find_workflow(services, *request.caller, request.parameter("id"));
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
  const auto ids = co_await services::active_workflows(services, *request.caller);
  co_return Reply::of(json::value_from(ids));
}

namespace {

// Names, or objects with one: ["a", {"name": "b"}].
void add_names(const Body& body, const char* member, std::set<std::string>& into) {
  const json::array* list = body.array(member);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const json::value& one = (*list)[i];
    const json::value* name = one.is_object() ? one.get_object().if_contains("name") : &one;
    if (name != nullptr && name->is_string()) into.insert(std::string(std::string_view(name->get_string())));
    else body.problems().add(fmt::format("/{}/{}", member, i), "expected the name of a node");
  }
}

// What part of the workflow is to run: as the editor says it, or with names only.
services::PartialRun part_in(const Body& body) {
  services::PartialRun part;
  if (const json::value* to = body.find("destinationNode")) {
    const json::value* name = to->is_object() ? to->get_object().if_contains("nodeName") : to;
    if (name != nullptr && name->is_string()) part.destination = std::string(std::string_view(name->get_string()));
    else body.problems().add("/destinationNode", "expected the name of a node");
  }
  if (const json::object* pins = body.object("pinData")) part.pins = flow::read_pins(*pins);
  if (const json::object* run_data = body.object("runData")) {
    part.known = services::values_in_run_data(*run_data);
    part.seen = services::seen_in_run_data(*run_data);
  }
  if (const json::value* reuse = body.find("reuse"); reuse != nullptr && !reuse->is_null()) {
    if (reuse->is_string()) part.reuse = std::string(std::string_view(reuse->get_string()));
    else body.problems().add("/reuse", "expected the id of an execution, or \"last\"");
  }
  add_names(body, "startNodes", part.dirty);
  add_names(body, "dirtyNodeNames", part.dirty);
  return part;
}

}  // namespace

// Replies with 202 at once or, with ?wait=SECONDS, with 200 and the finished execution.
Task<Reply> execute_workflow(Services& services, const Request& request) {
  const Body body(request.json_object());
  const json::value* given = body.find("input_data");
  services::PartialRun part = part_in(body);
  body.check();
  const std::int64_t wait = request.integer("wait", 0, 0, 3600);
  if (wait > 0 && !services::may_read_records(*request.caller))
    throw Fault(FaultKind::forbidden, "missing_scope",
                "`wait` replies with the execution, but this API key does not have the scope \"executions:read\"");
  std::optional<json::value> input;
  if (given != nullptr) input = *given;
  const services::Started started = co_await services::run_workflow(services, *request.caller, request.parameter("id"),
                                                                    std::move(input), std::move(part));
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
