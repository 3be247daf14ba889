// The folders of a project, in which its workflows lie. A change is one transaction. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/asset_rows.hpp"
#include "daemon/store/folder_rows.hpp"

namespace qflow::services {

/// Where a folder is: its project's id, or "personal" for the caller's own, and its id.
struct FolderPlace {
  std::string project, folder;
};

/// The project, when the caller may see it.
std::optional<store::Project> project_if_visible(sqlite::Db& db, const auth::Caller& caller, const std::string& id);
/// The same. Throws Fault(not_found). On a thread of the store.
store::Project visible_project(sqlite::Db& db, const auth::Caller& caller, const std::string& id);

/// All folders of a project. These throw Fault(not_found) for what is not there, or not the caller's.
Task<std::vector<store::Folder>> list_folders(Services& services, const auth::Caller& caller, std::string project);
Task<store::Folder> find_folder(Services& services, const auth::Caller& caller, FolderPlace place);
/// The folder and its ancestors, outermost first.
Task<std::vector<store::Folder>> folder_path(Services& services, const auth::Caller& caller, FolderPlace place);
/// How much is below it.
Task<store::FolderContent> folder_content(Services& services, const auth::Caller& caller, FolderPlace place);
/// The credentials in it, without their data.
Task<std::vector<store::Credential>> folder_credentials(Services& services, const auth::Caller& caller,
                                                        FolderPlace place);

/// `parent`: nothing: at the top. Throws Fault: not_found; bad_input when the parent is not there.
Task<store::Folder> create_folder(Services& services, const auth::Caller& caller, std::string project, std::string name,
                                  std::optional<std::string> parent);

/// Absent members stay.
struct FolderChange {
  std::optional<std::string> name;
  std::optional<std::optional<std::string>> parent;  ///< nothing inside: to the top
};
/// Throws Fault as create_folder(); conflict when the folder would lie in itself.
Task<store::Folder> change_folder(Services& services, const auth::Caller& caller, FolderPlace place,
                                  FolderChange change);
/// Moves its content to the folder `heir` when given. Otherwise the folders in it are deleted, too, and workflows and
/// credentials end up in no folder. Throws Fault(not_found).
Task<> delete_folder(Services& services, const auth::Caller& caller, FolderPlace place,
                     std::optional<std::string> heir);

}  // namespace qflow::services
