#include "daemon/api/workflows/versions.hpp"

#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/services/workflow_templates.hpp"

namespace qflow::api {
namespace {

json::object view(const store::WorkflowVersion& v, bool whole) {
  json::object out{{"workflowId", v.workflow_id},
                   {"version", v.version},
                   {"name", v.name},
                   {"createdBy", nullptr},
                   {"createdAt", iso_time(v.created_at)}};
  if (v.created_by) out["createdBy"] = *v.created_by;
  if (whole) {
    out["nodes"] = services::stored_json(v.nodes);
    out["connections"] = services::stored_json(v.connections);
    out["settings"] = services::stored_json(v.settings);
  }
  return out;
}

json::object view(const services::WorkflowTemplate& t, bool whole) {
  json::object out{{"id", t.id}, {"builtin", t.builtin}};
  for (const auto& [key, value] : t.body)
    if (whole || key == "name" || key == "description") out[key] = value;
  return out;
}

}  // namespace

Task<Reply> list_workflow_versions(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  const std::int64_t before = request.integer("before", 0, 0, std::numeric_limits<std::int64_t>::max());
  const auto rows =
      co_await services::workflow_versions(services, *request.caller, request.parameter("id"), limit, before);
  json::array items;
  for (const auto& row : rows) items.push_back(view(row, false));
  co_return Reply::of(json::object{{"data", std::move(items)}});
}

Task<Reply> get_workflow_version(Services& services, const Request& request) {
  const std::int64_t number = version_in(request);
  const store::WorkflowVersion version =
      co_await services::find_workflow_version(services, *request.caller, request.parameter("id"), number);
  co_return Reply::of(view(version, true));
}

Task<Reply> restore_workflow_version(Services& services, const Request& request) {
  const std::int64_t number = version_in(request);
  const services::TaggedWorkflow restored =
      co_await services::restore_workflow(services, *request.caller, request.parameter("id"), number);
  co_return Reply::of(workflow_view(restored.workflow, restored.tags));
}

Task<Reply> list_templates(Services& services, const Request&) {
  const auto all = co_await services::workflow_templates(services);
  json::array items;
  for (const auto& one : all) items.push_back(view(one, false));
  co_return Reply::of(json::object{{"templates", std::move(items)}});
}

Task<Reply> get_template(Services& services, const Request& request) {
  const services::WorkflowTemplate found = co_await services::find_template(services, request.parameter("id"));
  co_return Reply::of(view(found, true));
}

Task<Reply> import_template(Services& services, const Request& request) {
  Body body(request.json_object());
  std::string name = body.text("name", 500).value_or("");
  body.check();
  const services::TaggedWorkflow made =
      co_await services::import_template(services, *request.caller, request.parameter("id"), std::move(name));
  co_return Reply::of(201, workflow_view(made.workflow, made.tags));
}

}  // namespace qflow::api
