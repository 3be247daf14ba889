#include "daemon/store/library_rows.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::store {

#define NODE                                                                                              \
  "id, name, description, code, main_function, python_version, dependencies, input_types, output_types, " \
  "is_template, is_public, is_converter, created_by, version, created_at, updated_at"
// Without the code, which a list of many must not carry.
#define NODE_SUMMARY                                                                                    \
  "id, name, description, '', main_function, python_version, dependencies, input_types, output_types, " \
  "is_template, is_public, is_converter, created_by, version, created_at, updated_at"
#define NODE_VERSION "node_id, version, code, main_function, input_types, output_types, dependencies, created_at"
#define TYPE "id, name, category, python_type, description, definition, created_by, created_at, updated_at"

namespace {
void keep_version(sqlite::Tx& tx, const std::string& id) {
  tx->exec("INSERT OR REPLACE INTO python_node_versions (" NODE_VERSION
           ") SELECT id, version, code, main_function, input_types, output_types, dependencies, updated_at FROM "
           "python_nodes WHERE id=?",
           id);
}
void refuse_taken(sqlite::Tx& tx, const CustomTypeRow& t) {
  const auto same = tx->one<std::string>("SELECT id FROM custom_types WHERE name=?", t.name);
  if (same && *same != t.id)
    throw Fault(FaultKind::conflict, "name_taken", fmt::format("/name: a type \"{}\" already exists", t.name));
}
}  // namespace

void insert_python_node(sqlite::Tx& tx, const PythonNode& n) {
  tx->exec("INSERT INTO python_nodes (" NODE ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", n.id, n.name, n.description,
           n.code, n.main_function, n.python_version, n.dependencies, n.input_types, n.output_types, n.is_template,
           n.is_public, n.is_converter, n.created_by, n.version, n.created_at, n.updated_at);
  keep_version(tx, n.id);
}

void update_python_node(sqlite::Tx& tx, const PythonNode& n) {
  tx->exec(
      "UPDATE python_nodes SET name=?2, description=?3, python_version=?4, is_template=?5, is_public=?6, "
      "updated_at=?7, "
      "is_converter=?8 WHERE id=?1",
      n.id, n.name, n.description, n.python_version, n.is_template, n.is_public, n.updated_at, n.is_converter);
  tx->exec(
      "UPDATE python_nodes SET code=?2, main_function=?3, dependencies=?4, input_types=?5, output_types=?6, "
      "version=version+1 WHERE id=?1 AND (code, main_function, dependencies, input_types, output_types) IS NOT "
      "(?2, ?3, ?4, ?5, ?6)",
      n.id, n.code, n.main_function, n.dependencies, n.input_types, n.output_types);
  if (tx->changes() > 0) keep_version(tx, n.id);
}

bool delete_python_node(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM python_nodes WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<PythonNode> find_python_node(sqlite::Db& db, const std::string& id,
                                           const std::optional<std::string>& owner) {
  return db.one<PythonNode>(
      "SELECT " NODE " FROM python_nodes WHERE id=?1 AND (?2 IS NULL OR created_by=?2 OR is_public=1)", id, owner);
}

std::vector<PythonNode> list_python_nodes(sqlite::Db& db, const PythonNodeQuery& q, std::int64_t& count) {
#define MATCHING                                                                                                     \
  "FROM python_nodes WHERE (?1 IS NULL OR created_by=?1 OR is_public=1) AND (?2 = '' OR instr(lower(name || ' ' || " \
  "description), lower(?2)) > 0) AND (?3 IS NULL OR id IN (SELECT node_id FROM python_node_tag_relations WHERE "     \
  "tag_id=?3))"
  count = db.one<std::int64_t>("SELECT count(*) " MATCHING, q.owner, q.text, q.tag_id).value_or(0);
  return db.all<PythonNode>("SELECT " NODE_SUMMARY " " MATCHING " ORDER BY name, id LIMIT ?4 OFFSET ?5", q.owner,
                            q.text, q.tag_id, q.take, q.skip);
#undef MATCHING
}

std::vector<PythonNode> list_converters(sqlite::Db& db, const std::optional<std::string>& owner) {
  return db.all<PythonNode>(
      "SELECT " NODE
      " FROM python_nodes WHERE is_converter=1 AND (?1 IS NULL OR created_by=?1 OR (is_public=1 AND "
      "created_by IN (SELECT id FROM users WHERE role IN ('owner', 'admin')))) "
      "ORDER BY name, id LIMIT 500",
      owner);
}

std::vector<PythonNodeVersion> node_versions(sqlite::Db& db, const std::string& id) {
  return db.all<PythonNodeVersion>(
      "SELECT node_id, version, '', main_function, input_types, output_types, dependencies, created_at FROM "
      "python_node_versions WHERE node_id=? ORDER BY version DESC LIMIT 200",
      id);
}

std::optional<PythonNodeVersion> find_node_version(sqlite::Db& db, const std::string& id, std::int64_t version) {
  return db.one<PythonNodeVersion>("SELECT " NODE_VERSION " FROM python_node_versions WHERE node_id=? AND version=?",
                                   id, version);
}

namespace {
void refuse_too_large(sqlite::Tx& tx, const CustomTypeRow& t) {
  constexpr std::int64_t kMostBytes = 1 << 20;
  if (tx->one<std::int64_t>(
            "SELECT ifnull(sum(length(CAST(definition AS BLOB))), 0) FROM custom_types WHERE created_by "
            "IS ?1 AND id<>?2",
            t.created_by, t.id)
              .value_or(0) +
          static_cast<std::int64_t>(t.definition.size()) >
      kMostBytes)
    throw Fault(FaultKind::conflict, "too_many_types",
                "the definitions of one user's types may take 1 MiB together; delete some, or make them smaller");
}
}  // namespace

void insert_type(sqlite::Tx& tx, const CustomTypeRow& t) {
  refuse_too_large(tx, t);
  constexpr std::int64_t kMostOfOne = 500;  // everybody's catalog has them all
  if (tx->one<std::int64_t>("SELECT count(*) FROM custom_types WHERE created_by IS ?", t.created_by).value_or(0) >=
      kMostOfOne)
    throw Fault(FaultKind::conflict, "too_many_types",
                fmt::format("you have defined {} types, as many as one user may; delete some", kMostOfOne));
  refuse_taken(tx, t);
  tx->exec("INSERT INTO custom_types (" TYPE ") VALUES (?,?,?,?,?,?,?,?,?)", t.id, t.name, t.category, t.python_type,
           t.description, t.definition, t.created_by, t.created_at, t.updated_at);
}

void update_type(sqlite::Tx& tx, const CustomTypeRow& t) {
  refuse_too_large(tx, t);
  refuse_taken(tx, t);
  tx->exec(
      "UPDATE custom_types SET name=?2, category=?3, python_type=?4, description=?5, definition=?6, updated_at=?7 "
      "WHERE "
      "id=?1",
      t.id, t.name, t.category, t.python_type, t.description, t.definition, t.updated_at);
}

bool delete_type(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM custom_types WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<CustomTypeRow> find_type(sqlite::Db& db, const std::string& id_or_name) {
  return db.one<CustomTypeRow>("SELECT " TYPE " FROM custom_types WHERE id=?1 OR name=?1", id_or_name);
}

std::vector<CustomTypeRow> list_types(sqlite::Db& db) {
  return db.all<CustomTypeRow>("SELECT " TYPE " FROM custom_types ORDER BY name");
}

}  // namespace qflow::store
