#include "daemon/store/tag_rows.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::store {

#define TAG "id, name, description, color, created_by, created_at, updated_at"
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

}  // namespace qflow::store
