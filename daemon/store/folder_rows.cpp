#include "daemon/store/folder_rows.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::store {

#define FOLDER "id, project_id, name, parent_folder_id, created_at, updated_at"

std::optional<Project> find_project(sqlite::Db& db, const std::string& id, const std::string& user_id) {
  if (id == "personal")
    return db.one<Project>("SELECT id, name, type, user_id, created_at FROM projects WHERE user_id=?", user_id);
  return db.one<Project>("SELECT id, name, type, user_id, created_at FROM projects WHERE id=?", id);
}

void insert_folder(sqlite::Tx& tx, const Folder& f) {
  tx->exec("INSERT INTO folders (" FOLDER ") VALUES (?,?,?,?,?,?)", f.id, f.project_id, f.name, f.parent_folder_id,
           f.created_at, f.updated_at);
}

void update_folder(sqlite::Tx& tx, const Folder& f) {
  if (f.parent_folder_id)
    for (const Folder& above : folder_path(*tx.operator->(), *f.parent_folder_id))
      if (above.id == f.id)
        throw Fault(FaultKind::conflict, "folder_cycle", "/parentFolderId: a folder cannot be inside itself");
  tx->exec("UPDATE folders SET name=?2, parent_folder_id=?3, updated_at=?4 WHERE id=?1", f.id, f.name,
           f.parent_folder_id, f.updated_at);
}

void delete_folder(sqlite::Tx& tx, const Folder& f, const std::optional<std::string>& transfer_to) {
  if (transfer_to) {
    for (const Folder& above : folder_path(*tx.operator->(), *transfer_to))
      if (above.id == f.id)
        throw Fault(FaultKind::conflict, "folder_cycle",
                    "transferToFolderId: that folder is inside the folder to be deleted");
    tx->exec("UPDATE folders SET parent_folder_id=?2 WHERE parent_folder_id=?1", f.id, *transfer_to);
    tx->exec("UPDATE workflows SET folder_id=?2 WHERE folder_id=?1", f.id, *transfer_to);
    tx->exec("UPDATE credentials SET folder_id=?2 WHERE folder_id=?1", f.id, *transfer_to);
  }
  tx->exec("DELETE FROM folders WHERE id=?", f.id);
}

std::optional<Folder> find_folder(sqlite::Db& db, const std::string& project_id, const std::string& id) {
  return db.one<Folder>("SELECT " FOLDER " FROM folders WHERE project_id=? AND id=?", project_id, id);
}

std::vector<Folder> list_folders(sqlite::Db& db, const std::string& project_id) {
  return db.all<Folder>("SELECT " FOLDER " FROM folders WHERE project_id=? ORDER BY name, id", project_id);
}

std::vector<Folder> folder_path(sqlite::Db& db, const std::string& id) {
  return db.all<Folder>(
      "WITH RECURSIVE up(id, depth) AS (SELECT ?1, 0 UNION ALL SELECT f.parent_folder_id, depth + 1 FROM folders f "
      "JOIN up ON f.id = up.id WHERE f.parent_folder_id IS NOT NULL AND depth < 100) "
      "SELECT f.id, f.project_id, f.name, f.parent_folder_id, f.created_at, f.updated_at FROM folders f JOIN up ON "
      "f.id = up.id ORDER BY depth DESC",
      id);
}

FolderContent folder_content(sqlite::Db& db, const std::string& id) {
  return db
      .one<FolderContent>(
          "WITH RECURSIVE below(id) AS (SELECT ?1 UNION SELECT f.id FROM folders f JOIN below ON f.parent_folder_id = "
          "below.id) SELECT (SELECT count(*) - 1 FROM below), (SELECT count(*) FROM workflows WHERE folder_id IN "
          "below)",
          id)
      .value_or(FolderContent{});
}

}  // namespace qflow::store
