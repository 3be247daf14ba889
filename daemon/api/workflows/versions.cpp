#include "daemon/api/workflows/versions.hpp"

#include <fmt/format.h>

#include <charconv>

#include "daemon/api/workflows/templates.hpp"
#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"

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

std::int64_t version_number(const Request& request) {
  const std::string& text = request.parameter("version");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) throw missing("version", text);
  return number;
}

// A template: part of the product, or a workflow that was marked as a template.
struct Template {
  std::string id;
  json::object body;  ///< name, description, nodes, connections, settings
  bool builtin = true;
};

std::vector<Template> templates(sqlite::Db& db) {
  std::vector<Template> all;
  for (const auto& [id, text] : kTemplates)
    all.push_back({std::string(id), services::stored_json(std::string(text)).as_object(), true});
  for (const auto& w : store::list_templates(db)) {
    const json::object whole = workflow_view(w, {});
    Template one{w.id, {}, false};
    for (const char* name : {"name", "description", "nodes", "connections", "settings", "python_version"})
      one.body[name] = whole.at(name);
    all.push_back(std::move(one));
  }
  return all;
}

json::object view(const Template& t, bool whole) {
  json::object out{{"id", t.id}, {"builtin", t.builtin}};
  for (const auto& [key, value] : t.body)
    if (whole || key == "name" || key == "description") out[key] = value;
  return out;
}

Task<Template> load_template(Services& services, const std::string& id) {
  auto job = [id](sqlite::Db& db) {
    for (Template& one : templates(db))
      if (one.id == id) return std::move(one);
    throw missing("template", id);
  };
  Template found = co_await services.store.read(std::move(job));
  co_return found;
}

}  // namespace

Task<Reply> list_workflow_versions(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  const std::int64_t before = request.integer("before", 0, 0, std::numeric_limits<std::int64_t>::max());
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter(), limit, before](sqlite::Db& db) {
    if (!store::find_workflow(db, id, owner)) throw missing("workflow", id);
    return store::versions_of(db, id, limit, before);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array items;
  for (const auto& row : rows) items.push_back(view(row, false));
  co_return Reply::of(json::object{{"data", std::move(items)}});
}

Task<Reply> get_workflow_version(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), number = version_number(request), owner = request.caller->owner_filter()](
                 sqlite::Db& db) { return services::workflow_version(db, id, number, owner); };
  const auto version = co_await services.store.read(std::move(job));
  co_return Reply::of(view(version, true));
}

Task<Reply> restore_workflow_version(Services& services, const Request& request) {
  const std::int64_t number = version_number(request);
  const services::TaggedWorkflow restored =
      co_await services::restore_workflow(services, *request.caller, request.parameter("id"), number);
  co_return Reply::of(workflow_view(restored.workflow, restored.tags));
}

Task<Reply> list_templates(Services& services, const Request&) {
  auto job = [](sqlite::Db& db) {
    json::array items;
    for (const Template& one : templates(db)) items.push_back(view(one, false));
    return items;
  };
  const json::array items = co_await services.store.read(std::move(job));
  co_return Reply::of(json::object{{"templates", items}});
}

Task<Reply> get_template(Services& services, const Request& request) {
  const Template found = co_await load_template(services, request.parameter("id"));
  co_return Reply::of(view(found, true));
}

Task<Reply> import_template(Services& services, const Request& request) {
  Body body(request.json_object());
  const auto name = body.text("name", 500);
  body.check();
  Template found = co_await load_template(services, request.parameter("id"));
  if (name && !name->empty()) found.body["name"] = *name;
  services::WorkflowDraft draft;
  draft.document = std::move(found.body);
  const services::TaggedWorkflow made = co_await services::create_workflow(services, *request.caller, std::move(draft));
  co_return Reply::of(201, workflow_view(made.workflow, made.tags));
}

}  // namespace qflow::api
