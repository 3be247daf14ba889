#include "daemon/services/workflow_folders.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {
namespace {

void check_parent(sqlite::Db& db, const store::Folder& f) {
  if (f.parent_folder_id && !store::find_folder(db, f.project_id, *f.parent_folder_id))
    throw Fault(FaultKind::bad_input, "missing_folder",
                fmt::format("/parentFolderId: no folder has the id {}", *f.parent_folder_id));
}

}  // namespace

std::optional<store::Project> project_if_visible(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto project = store::find_project(db, id, caller.user_id);
  if (project && !caller.sees_all() && project->user_id != caller.user_id) project.reset();
  return project;
}

store::Project visible_project(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto project = project_if_visible(db, caller, id);
  if (!project) throw missing("project", id);
  return std::move(*project);
}

namespace {

store::Folder visible_folder(sqlite::Db& db, const auth::Caller& caller, const FolderPlace& place) {
  const store::Project project = visible_project(db, caller, place.project);
  auto folder = store::find_folder(db, project.id, place.folder);
  if (!folder) throw missing("folder", place.folder);
  return std::move(*folder);
}

// Runs `use(db, folder)` on a thread of the store.
template <class F>
auto with_folder(Services& services, const auth::Caller& caller, FolderPlace place, F use) {
  auto job = [place = std::move(place), caller, use](sqlite::Db& db) {
    return use(db, visible_folder(db, caller, place));
  };
  return services.store.read(std::move(job));
}

}  // namespace

Task<std::vector<store::Folder>> list_folders(Services& services, const auth::Caller& caller, std::string project) {
  auto job = [project = std::move(project), caller](sqlite::Db& db) {
    return store::list_folders(db, visible_project(db, caller, project).id);
  };
  return services.store.read(std::move(job));
}

Task<store::Folder> find_folder(Services& services, const auth::Caller& caller, FolderPlace place) {
  const auto use = [](sqlite::Db&, const store::Folder& folder) { return folder; };
  return with_folder(services, caller, std::move(place), use);
}

Task<std::vector<store::Folder>> folder_path(Services& services, const auth::Caller& caller, FolderPlace place) {
  const auto use = [](sqlite::Db& db, const store::Folder& folder) { return store::folder_path(db, folder.id); };
  return with_folder(services, caller, std::move(place), use);
}

Task<store::FolderContent> folder_content(Services& services, const auth::Caller& caller, FolderPlace place) {
  const auto use = [](sqlite::Db& db, const store::Folder& folder) { return store::folder_content(db, folder.id); };
  return with_folder(services, caller, std::move(place), use);
}

Task<std::vector<store::Credential>> folder_credentials(Services& services, const auth::Caller& caller,
                                                        FolderPlace place) {
  const auto use = [](sqlite::Db& db, const store::Folder& folder) {
    return store::list_credentials(db, std::nullopt, folder.id);
  };
  return with_folder(services, caller, std::move(place), use);
}

Task<store::Folder> create_folder(Services& services, const auth::Caller& caller, std::string project, std::string name,
                                  std::optional<std::string> parent) {
  store::Folder folder;
  folder.id = new_id();
  folder.name = std::move(name);
  folder.parent_folder_id = std::move(parent);
  folder.created_at = folder.updated_at = now_us();
  auto job = [project = std::move(project), caller, folder = std::move(folder)](sqlite::Tx& tx) mutable {
    sqlite::Db& db = *tx.operator->();
    folder.project_id = visible_project(db, caller, project).id;
    check_parent(db, folder);
    store::insert_folder(tx, folder);
    return folder;
  };
  store::Folder made = co_await services.store.write(std::move(job));
  co_return made;
}

Task<store::Folder> change_folder(Services& services, const auth::Caller& caller, FolderPlace place,
                                  FolderChange change) {
  auto job = [place = std::move(place), caller, change = std::move(change)](sqlite::Tx& tx) {
    sqlite::Db& db = *tx.operator->();
    store::Folder folder = visible_folder(db, caller, place);
    folder.name = change.name.value_or(folder.name);
    if (change.parent) folder.parent_folder_id = *change.parent;
    check_parent(db, folder);
    folder.updated_at = now_us();
    store::update_folder(tx, folder);
    return folder;
  };
  store::Folder changed = co_await services.store.write(std::move(job));
  co_return changed;
}

Task<> delete_folder(Services& services, const auth::Caller& caller, FolderPlace place,
                     std::optional<std::string> heir) {
  auto job = [place = std::move(place), caller, heir = std::move(heir)](sqlite::Tx& tx) {
    sqlite::Db& db = *tx.operator->();
    const store::Folder folder = visible_folder(db, caller, place);
    if (heir && !store::find_folder(db, folder.project_id, *heir)) throw missing("folder", *heir);
    store::delete_folder(tx, folder, heir);
  };
  co_await services.store.write(std::move(job));
}

}  // namespace qflow::services
