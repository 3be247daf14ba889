#include "daemon/services/workflow_list.hpp"

#include "daemon/services/workflow_folders.hpp"
#include "daemon/store/tag_rows.hpp"

namespace qflow::services {

WorkflowList list_workflows(sqlite::Db& db, const auth::Caller& caller, WorkflowQuestion question) {
  WorkflowList out;
  store::WorkflowQuery& query = question.query;
  const auto project = project_if_visible(db, caller, question.project.value_or("personal"));
  query.owner = caller.owner_filter();
  if (question.only_shared) query.owner = "";
  if (question.project) query.owner = project ? project->user_id : "";
  if (question.with_folders && project)
    for (store::Folder& folder : store::list_folders(db, project->id))
      if (folder.parent_folder_id.value_or("0") == query.folder_id.value_or("0"))
        out.folders.push_back(std::move(folder));
  store::WorkflowPage page = store::list_workflows(db, query);
  out.count = page.count + static_cast<std::int64_t>(out.folders.size());
  for (store::Workflow& row : page.rows) {
    auto tags = store::tags_of(db, store::Tagged::workflows, row.id);
    out.workflows.push_back({std::move(row), std::move(tags)});
  }
  return out;
}

Task<std::vector<std::string>> active_workflows(Services& services, const auth::Caller& caller) {
  auto job = [owner = caller.owner_filter()](sqlite::Db& db) { return store::active_workflows(db, owner); };
  return services.store.read(std::move(job));
}

}  // namespace qflow::services
