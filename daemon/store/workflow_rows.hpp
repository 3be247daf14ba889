// Stored workflows with their versions. Functions that write take the transaction. `owner`, where it
// is optional: only that user's rows; nothing: everybody's.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

using Owner = std::optional<std::string>;

/// A workflow as it was received; `nodes`, `connections`, `settings`, `extra` are JSON text. Times in microseconds.
struct Workflow {
  std::string id, name, description, nodes, connections, settings, extra, python_version;
  bool is_active = false;
  std::int64_t version = 1;
  std::int64_t created_at = 0, updated_at = 0;
  std::optional<std::string> created_by, folder_id;
  bool is_archived = false, is_template = false;
  std::int64_t left_out = 0;  ///< bytes of JSON that a list had no room for; not a column
};
BOOST_DESCRIBE_STRUCT(Workflow, (),
                      (id, name, description, nodes, connections, settings, extra, python_version, is_active, version,
                       created_at, updated_at, created_by, folder_id, is_archived, is_template))

/// Also stores it as a version.
void insert_workflow(sqlite::Tx& tx, const Workflow& workflow);
/// False when no workflow has this id. Increments `version` and stores the new content as that version, with `editor`
/// as its author.
bool update_workflow(sqlite::Tx& tx, const Workflow& workflow, const std::optional<std::string>& editor);
void set_active(sqlite::Tx& tx, const std::string& id, bool active, std::int64_t now);
bool delete_workflow(sqlite::Tx& tx, const std::string& id);
std::optional<Workflow> find_workflow(sqlite::Db& db, const std::string& id, const Owner& owner);
std::vector<std::string> active_workflows(sqlite::Db& db, const Owner& owner);
/// Workflows that are marked as templates, at most 1,000, without their JSON.
std::vector<Workflow> list_templates(sqlite::Db& db);

/// A page of the list.
struct WorkflowQuery {
  std::int64_t skip = 0, take = 50;
  std::string name_contains;  ///< empty: all
  std::optional<bool> active, archived;
  std::optional<std::string> folder_id;  ///< "0": in no folder
  std::optional<std::string> tags;       ///< a JSON list of ids or names: with all of these
  Owner owner;
  enum class Sort {
    updated_desc,
    updated_asc,
    name_asc,
    name_desc,
    created_desc,
    created_asc
  } sort = Sort::updated_desc;
};
struct WorkflowPage {
  std::vector<Workflow> rows;  ///< from 16 MiB on without their JSON: `left_out` has its size
  std::int64_t count = 0;      ///< of all that match
};
WorkflowPage list_workflows(sqlite::Db& db, const WorkflowQuery& query);

struct WorkflowVersion {
  std::string workflow_id;
  std::int64_t version = 0;
  std::string name, nodes, connections, settings;
  std::optional<std::string> created_by;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(WorkflowVersion, (),
                      (workflow_id, version, name, nodes, connections, settings, created_by, created_at))
/// Newest first, without nodes, connections and settings.
std::vector<WorkflowVersion> versions_of(sqlite::Db& db, const std::string& workflow_id, std::int64_t limit,
                                         std::int64_t before);
std::optional<WorkflowVersion> find_version(sqlite::Db& db, const std::string& workflow_id, std::int64_t version);

}  // namespace qflow::store
