// Stored workflows with their versions, tags and folders. Functions that write take the transaction. `owner`, where it
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
  std::vector<Workflow> rows;
  std::int64_t count = 0;  ///< of all that match
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

/// Tags of workflows and of the node library have the same shape.
struct Tag {
  std::string id, name, description, color;
  std::optional<std::string> created_by;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(Tag, (), (id, name, description, color, created_by, created_at, updated_at))
enum class Tagged { workflows, nodes };
/// Throws Fault(conflict) when the name is taken.
void insert_tag(sqlite::Tx& tx, Tagged what, const Tag& tag);
bool update_tag(sqlite::Tx& tx, Tagged what, const Tag& tag);
bool delete_tag(sqlite::Tx& tx, Tagged what, const std::string& id);
std::optional<Tag> find_tag(sqlite::Db& db, Tagged what, const std::string& id_or_name);
std::vector<Tag> list_tags(sqlite::Db& db, Tagged what);
std::vector<Tag> tags_of(sqlite::Db& db, Tagged what, const std::string& row_id);
/// Replaces all tags of a row, given by id or name. Throws Fault(bad_input) that names a missing tag.
void set_tags(sqlite::Tx& tx, Tagged what, const std::string& row_id, const std::vector<std::string>& tags);

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
