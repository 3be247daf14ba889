// Projects, and the folders in which their workflows lie. Functions that write take the transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

struct Project {
  std::string id, name, type, user_id;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(Project, (), (id, name, type, user_id, created_at))
/// The project with this id or, for "personal", the user's own.
std::optional<Project> find_project(sqlite::Db& db, const std::string& id, const std::string& user_id);

struct Folder {
  std::string id, project_id, name;
  std::optional<std::string> parent_folder_id;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(Folder, (), (id, project_id, name, parent_folder_id, created_at, updated_at))
void insert_folder(sqlite::Tx& tx, const Folder& folder);
/// Throws Fault(conflict) when its parent would be the folder itself or a folder below it.
void update_folder(sqlite::Tx& tx, const Folder& folder);
/// Moves its content to `transfer_to` when given. Otherwise the folders in it are deleted, too, and workflows and
/// credentials end up in no folder.
void delete_folder(sqlite::Tx& tx, const Folder& folder, const std::optional<std::string>& transfer_to);
std::optional<Folder> find_folder(sqlite::Db& db, const std::string& project_id, const std::string& id);
/// All folders of a project.
std::vector<Folder> list_folders(sqlite::Db& db, const std::string& project_id);
/// The folder and its ancestors, outermost first.
std::vector<Folder> folder_path(sqlite::Db& db, const std::string& id);
struct FolderContent {
  std::int64_t folders = 0, workflows = 0;
};
BOOST_DESCRIBE_STRUCT(FolderContent, (), (folders, workflows))
/// Counts everything below the folder.
FolderContent folder_content(sqlite::Db& db, const std::string& id);

}  // namespace qflow::store
