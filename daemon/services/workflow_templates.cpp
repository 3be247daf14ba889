#include "daemon/services/workflow_templates.hpp"

#include "daemon/services/builtin_templates.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

WorkflowTemplate builtin(std::string_view id, std::string_view text) {
  return {std::string(id), stored_json(std::string(text)).as_object(), true};
}

}  // namespace

Task<std::vector<WorkflowTemplate>> workflow_templates(Services& services) {
  auto job = [](sqlite::Db& db) { return store::list_templates(db); };
  const auto rows = co_await services.store.read(std::move(job));
  std::vector<WorkflowTemplate> all;
  for (const auto& [id, text] : kTemplates) all.push_back(builtin(id, text));
  for (const auto& w : rows) all.push_back({w.id, {{"name", w.name}, {"description", w.description}}, false});
  co_return all;
}

Task<WorkflowTemplate> find_template(Services& services, std::string id) {
  for (const auto& [own, text] : kTemplates)
    if (own == id) co_return builtin(own, text);
  auto job = [id](sqlite::Db& db) { return store::find_workflow(db, id, std::nullopt); };
  const auto w = co_await services.store.read(std::move(job));
  if (!w || !w->is_template) throw missing("template", id);
  json::object body = document_of(*w);
  body["description"] = w->description;
  if (w->python_version.empty()) body["python_version"] = nullptr;
  co_return WorkflowTemplate{w->id, std::move(body), false};
}

Task<TaggedWorkflow> import_template(Services& services, const auth::Caller& caller, std::string id, std::string name) {
  WorkflowTemplate found = co_await find_template(services, std::move(id));
  if (!name.empty()) found.body["name"] = name;
  WorkflowDraft draft;
  draft.document = std::move(found.body);
  TaggedWorkflow made = co_await create_workflow(services, caller, std::move(draft));
  co_return made;
}

}  // namespace qflow::services
