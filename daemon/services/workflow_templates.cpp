#include "daemon/services/workflow_templates.hpp"

#include "daemon/services/builtin_templates.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

std::vector<WorkflowTemplate> all_templates(sqlite::Db& db) {
  std::vector<WorkflowTemplate> all;
  for (const auto& [id, text] : kTemplates)
    all.push_back({std::string(id), stored_json(std::string(text)).as_object(), true});
  for (const auto& w : store::list_templates(db)) {
    json::object body = document_of(w);
    body["description"] = w.description;
    if (w.python_version.empty()) body["python_version"] = nullptr;
    all.push_back({w.id, std::move(body), false});
  }
  return all;
}

}  // namespace

Task<std::vector<WorkflowTemplate>> workflow_templates(Services& services) {
  auto job = [](sqlite::Db& db) { return all_templates(db); };
  return services.store.read(std::move(job));
}

Task<WorkflowTemplate> find_template(Services& services, std::string id) {
  auto all = co_await workflow_templates(services);
  for (WorkflowTemplate& one : all)
    if (one.id == id) co_return std::move(one);
  throw missing("template", id);
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
