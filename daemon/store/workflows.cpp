#include "daemon/store/workflows.hpp"

namespace qflow::store {

#define COLUMNS                                                                                                  \
  "id, name, description, nodes, connections, settings, extra, python_version, is_active, version, created_at, " \
  "updated_at"
#define MATCHING \
  "FROM workflows WHERE (?1 = '' OR instr(lower(name), lower(?1)) > 0) AND (?2 IS NULL OR is_active = ?2) "

void insert_workflow(sqlite::Tx& tx, const Workflow& w) {
  tx->exec("INSERT INTO workflows (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", w.id, w.name, w.description, w.nodes,
           w.connections, w.settings, w.extra, w.python_version, w.is_active, w.version, w.created_at, w.updated_at);
}

bool update_workflow(sqlite::Tx& tx, const Workflow& w) {
  tx->exec(
      "UPDATE workflows SET name=?2, description=?3, nodes=?4, connections=?5, settings=?6, extra=?7, "
      "python_version=?8, "
      "is_active=?9, version=version+1, updated_at=?10 WHERE id=?1",
      w.id, w.name, w.description, w.nodes, w.connections, w.settings, w.extra, w.python_version, w.is_active,
      w.updated_at);
  return tx->changes() > 0;
}

bool delete_workflow(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM workflows WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<Workflow> find_workflow(sqlite::Db& db, const std::string& id) {
  return db.one<Workflow>("SELECT " COLUMNS " FROM workflows WHERE id=?", id);
}

WorkflowPage list_workflows(sqlite::Db& db, const WorkflowQuery& q) {
  WorkflowPage page;
  page.count = db.one<std::int64_t>("SELECT count(*) " MATCHING, q.name_contains, q.active).value_or(0);
  const auto rows = [&](sqlite::Sql sql) {
    page.rows = db.all<Workflow>(sql, q.name_contains, q.active, q.take, q.skip);
  };
#define LIST "SELECT " COLUMNS " " MATCHING "ORDER BY "
#define PAGE " LIMIT ?3 OFFSET ?4"
  using Sort = WorkflowQuery::Sort;
  switch (q.sort) {
    case Sort::updated_desc:
      rows(LIST "updated_at DESC, id" PAGE);
      break;
    case Sort::updated_asc:
      rows(LIST "updated_at, id" PAGE);
      break;
    case Sort::name_asc:
      rows(LIST "name, id" PAGE);
      break;
    case Sort::name_desc:
      rows(LIST "name DESC, id" PAGE);
      break;
    case Sort::created_desc:
      rows(LIST "id DESC" PAGE);
      break;
  }
  return page;
}

}  // namespace qflow::store
