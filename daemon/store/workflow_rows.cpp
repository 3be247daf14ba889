#include "daemon/store/workflow_rows.hpp"

namespace qflow::store {

#define COLUMNS                                                                                                  \
  "id, name, description, nodes, connections, settings, extra, python_version, is_active, version, created_at, " \
  "updated_at, created_by, folder_id, is_archived, is_template"
// The condition on the owner is in separate statements, so that the index by owner is used.
#define MATCHING                                                                                                 \
  "FROM workflows WHERE (?1 = '' OR instr(lower(name), lower(?1)) > 0) AND (?2 IS NULL OR is_active = ?2) AND "  \
  "(?5 IS NULL OR is_archived = ?5) AND (?6 IS NULL OR coalesce(folder_id, '0') = ?6) AND "                      \
  "(?7 IS NULL OR (SELECT count(*) FROM workflow_tag_relations r JOIN workflow_tags t ON t.id = r.tag_id WHERE " \
  "r.workflow_id = workflows.id AND (t.id IN (SELECT value FROM json_each(?7)) OR t.name IN (SELECT value FROM " \
  "json_each(?7)))) = json_array_length(?7)) "
#define VERSION "workflow_id, version, name, nodes, connections, settings, created_by, created_at"

namespace {
void keep_version(sqlite::Tx& tx, const Workflow& w, const std::optional<std::string>& editor) {
  tx->exec("INSERT OR REPLACE INTO workflow_versions (" VERSION
           ") SELECT id, version, name, nodes, connections, settings, ?2, updated_at FROM workflows WHERE id=?1",
           w.id, editor);
}
}  // namespace

void insert_workflow(sqlite::Tx& tx, const Workflow& w) {
  tx->exec("INSERT INTO workflows (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", w.id, w.name, w.description,
           w.nodes, w.connections, w.settings, w.extra, w.python_version, w.is_active, w.version, w.created_at,
           w.updated_at, w.created_by, w.folder_id, w.is_archived, w.is_template);
  keep_version(tx, w, w.created_by);
}

bool update_workflow(sqlite::Tx& tx, const Workflow& w, const std::optional<std::string>& editor) {
  tx->exec(
      "UPDATE workflows SET name=?2, description=?3, nodes=?4, connections=?5, settings=?6, extra=?7, "
      "python_version=?8, is_active=?9, version=version+1, updated_at=?10, folder_id=?11, is_archived=?12, "
      "is_template=?13 WHERE id=?1",
      w.id, w.name, w.description, w.nodes, w.connections, w.settings, w.extra, w.python_version, w.is_active,
      w.updated_at, w.folder_id, w.is_archived, w.is_template);
  if (tx->changes() == 0) return false;
  keep_version(tx, w, editor);
  return true;
}

void set_active(sqlite::Tx& tx, const std::string& id, bool active, std::int64_t now) {
  tx->exec("UPDATE workflows SET is_active=?2, updated_at=?3 WHERE id=?1", id, active, now);
}

bool delete_workflow(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM workflows WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<Workflow> find_workflow(sqlite::Db& db, const std::string& id, const Owner& owner) {
  return db.one<Workflow>("SELECT " COLUMNS " FROM workflows WHERE id=?1 AND (?2 IS NULL OR created_by=?2)", id, owner);
}

std::vector<std::string> active_workflows(sqlite::Db& db, const Owner& owner) {
  return db.all<std::string>("SELECT id FROM workflows WHERE is_active=1 AND (?1 IS NULL OR created_by=?1) ORDER BY id",
                             owner);
}

std::vector<Workflow> list_templates(sqlite::Db& db) {
  return db.all<Workflow>(
      "SELECT id, name, substr(description, 1, 4000), '[]', '{}', '{}', '{}', python_version, is_active, version, "
      "created_at, "
      "updated_at, created_by, folder_id, is_archived, is_template FROM workflows WHERE is_template=1 ORDER BY id "
      "LIMIT "
      "1000");
}

namespace {

// Many large workflows must not fill the memory because somebody lists them.
class RowLimit {
 public:
  void operator()(Workflow& w) {
    const std::size_t own =
        w.description.size() + w.nodes.size() + w.connections.size() + w.settings.size() + w.extra.size();
    all_ += own;
    if (all_ <= kMost) return;
    w.left_out = static_cast<std::int64_t>(own);
    w.description.clear();
    w.nodes = "[]";
    w.connections = w.settings = w.extra = "{}";
  }

 private:
  static constexpr std::size_t kMost = 16U << 20U;
  std::size_t all_ = 0;
};

}  // namespace

WorkflowPage list_workflows(sqlite::Db& db, const WorkflowQuery& q) {
  WorkflowPage page;
#define ARGUMENTS q.name_contains, q.active, q.take, q.skip, q.archived, q.folder_id, q.tags
#define LIST(ORDER)                                                                                           \
  page.rows = q.owner                                                                                         \
                  ? db.all_after<Workflow>(RowLimit(),                                                        \
                                           "SELECT " COLUMNS " " MATCHING "AND created_by=?8 ORDER BY " ORDER \
                                           " LIMIT ?3 OFFSET ?4",                                             \
                                           ARGUMENTS, *q.owner)                                               \
                  : db.all_after<Workflow>(                                                                   \
                        RowLimit(), "SELECT " COLUMNS " " MATCHING "ORDER BY " ORDER " LIMIT ?3 OFFSET ?4", ARGUMENTS)
  page.count = (q.owner ? db.one<std::int64_t>("SELECT count(*) " MATCHING "AND created_by=?8", ARGUMENTS, *q.owner)
                        : db.one<std::int64_t>("SELECT count(*) " MATCHING, ARGUMENTS))
                   .value_or(0);
  using Sort = WorkflowQuery::Sort;
  switch (q.sort) {
    case Sort::updated_desc:
      LIST("updated_at DESC, id");
      break;
    case Sort::updated_asc:
      LIST("updated_at, id");
      break;
    case Sort::name_asc:
      LIST("name, id");
      break;
    case Sort::name_desc:
      LIST("name DESC, id");
      break;
    case Sort::created_desc:
      LIST("id DESC");
      break;
    case Sort::created_asc:
      LIST("id");
      break;
  }
#undef LIST
#undef ARGUMENTS
  return page;
}

std::vector<WorkflowVersion> versions_of(sqlite::Db& db, const std::string& workflow_id, std::int64_t limit,
                                         std::int64_t before) {
  return db.all<WorkflowVersion>(
      "SELECT workflow_id, version, name, '', '', '', created_by, created_at FROM workflow_versions WHERE "
      "workflow_id=?1 AND (?3=0 OR version<?3) ORDER BY version DESC LIMIT ?2",
      workflow_id, limit, before);
}

std::optional<WorkflowVersion> find_version(sqlite::Db& db, const std::string& workflow_id, std::int64_t version) {
  return db.one<WorkflowVersion>("SELECT " VERSION " FROM workflow_versions WHERE workflow_id=? AND version=?",
                                 workflow_id, version);
}

}  // namespace qflow::store
