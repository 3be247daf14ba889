// Projects, folders and tags: how workflows, nodes and credentials are organised.
#include <fmt/format.h>

#include "daemon/base/fault.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::store {

#define TAG "id, name, description, color, created_by, created_at, updated_at"
#define FOLDER "id, project_id, name, parent_folder_id, created_at, updated_at"
// The same statement on either pair of tables; each is a literal.
#define EITHER(CALL, BEFORE, AFTER, ...)                                                     \
  (what == Tagged::workflows ? CALL(BEFORE "workflow_tags" AFTER __VA_OPT__(, ) __VA_ARGS__) \
                             : CALL(BEFORE "python_node_tags" AFTER __VA_OPT__(, ) __VA_ARGS__))

namespace {
void refuse_taken(sqlite::Tx& tx, Tagged what, const Tag& tag) {
  const auto same = EITHER(tx->one<std::string>, "SELECT id FROM ", " WHERE name=?", tag.name);
  if (same && *same != tag.id)
    throw Fault(FaultKind::conflict, "name_taken", fmt::format("/name: a tag \"{}\" already exists", tag.name));
}
}  // namespace

void insert_tag(sqlite::Tx& tx, Tagged what, const Tag& t) {
  refuse_taken(tx, what, t);
  EITHER(tx->exec, "INSERT INTO ", " (" TAG ") VALUES (?,?,?,?,?,?,?)", t.id, t.name, t.description, t.color,
         t.created_by, t.created_at, t.updated_at);
}

bool update_tag(sqlite::Tx& tx, Tagged what, const Tag& t) {
  refuse_taken(tx, what, t);
  EITHER(tx->exec, "UPDATE ", " SET name=?2, description=?3, color=?4, updated_at=?5 WHERE id=?1", t.id, t.name,
         t.description, t.color, t.updated_at);
  return tx->changes() > 0;
}

bool delete_tag(sqlite::Tx& tx, Tagged what, const std::string& id) {
  EITHER(tx->exec, "DELETE FROM ", " WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<Tag> find_tag(sqlite::Db& db, Tagged what, const std::string& id_or_name) {
  return EITHER(db.one<Tag>, "SELECT " TAG " FROM ", " WHERE id=?1 OR name=?1 ORDER BY id<>?1", id_or_name);
}

std::vector<Tag> list_tags(sqlite::Db& db, Tagged what) {
  return EITHER(db.all<Tag>, "SELECT " TAG " FROM ", " ORDER BY name");
}

std::vector<Tag> tags_of(sqlite::Db& db, Tagged what, const std::string& row_id) {
  if (what == Tagged::workflows)
    return db.all<Tag>(
        "SELECT " TAG
        " FROM workflow_tags WHERE id IN (SELECT tag_id FROM workflow_tag_relations WHERE workflow_id=?) "
        "ORDER BY name",
        row_id);
  return db.all<Tag>(
      "SELECT " TAG
      " FROM python_node_tags WHERE id IN (SELECT tag_id FROM python_node_tag_relations WHERE node_id=?) "
      "ORDER BY name",
      row_id);
}

void set_tags(sqlite::Tx& tx, Tagged what, const std::string& row_id, const std::vector<std::string>& tags) {
  if (what == Tagged::workflows) tx->exec("DELETE FROM workflow_tag_relations WHERE workflow_id=?", row_id);
  else tx->exec("DELETE FROM python_node_tag_relations WHERE node_id=?", row_id);
  for (const std::string& name : tags) {
    const auto tag = find_tag(*tx.operator->(), what, name);
    if (!tag)
      throw Fault(FaultKind::bad_input, "missing_tag",
                  fmt::format("/tags: no tag is named \"{}\"; create it first", name));
    if (what == Tagged::workflows)
      tx->exec("INSERT OR IGNORE INTO workflow_tag_relations (workflow_id, tag_id) VALUES (?,?)", row_id, tag->id);
    else tx->exec("INSERT OR IGNORE INTO python_node_tag_relations (node_id, tag_id) VALUES (?,?)", row_id, tag->id);
  }
}

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
