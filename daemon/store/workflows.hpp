// Stored workflows. Functions that write take the transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// A workflow as it was received; `nodes`, `connections`, `settings`, `extra` are JSON text. Times in microseconds.
struct Workflow {
  std::string id, name, description, nodes, connections, settings, extra, python_version;
  bool is_active = false;
  std::int64_t version = 1;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(Workflow, (),
                      (id, name, description, nodes, connections, settings, extra, python_version, is_active, version,
                       created_at, updated_at))

void insert_workflow(sqlite::Tx& tx, const Workflow& workflow);
/// False when there is none with this id. Counts `version` up.
bool update_workflow(sqlite::Tx& tx, const Workflow& workflow);
bool delete_workflow(sqlite::Tx& tx, const std::string& id);
std::optional<Workflow> find_workflow(sqlite::Db& db, const std::string& id);

/// A page of the list.
struct WorkflowQuery {
  std::int64_t skip = 0, take = 50;
  std::string name_contains;  ///< empty: all
  std::optional<bool> active;
  enum class Sort { updated_desc, updated_asc, name_asc, name_desc, created_desc } sort = Sort::updated_desc;
};
struct WorkflowPage {
  std::vector<Workflow> rows;
  std::int64_t count = 0;  ///< of all that match
};
WorkflowPage list_workflows(sqlite::Db& db, const WorkflowQuery& query);

}  // namespace qflow::store
