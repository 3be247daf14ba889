// A page of the workflows that a caller may see, with their tags and, when asked, the folders beside them. Any thread
// of the store.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/workflow_changes.hpp"
#include "daemon/store/folder_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::services {

struct WorkflowQuestion {
  store::WorkflowQuery query;          ///< its `owner` is set here
  std::optional<std::string> project;  ///< an id, or "personal"; nothing: all that the caller may see
  bool only_shared = false;            ///< only what others share: nothing, since a row has one owner
  bool with_folders = false;           ///< the folders that lie where the query looks
};
struct WorkflowList {
  std::vector<store::Folder> folders;
  std::vector<TaggedWorkflow> workflows;
  std::int64_t count = 0;  ///< of all that match, folders among them
};
/// A project that the caller may not see is empty.
WorkflowList list_workflows(sqlite::Db& db, const auth::Caller& caller, WorkflowQuestion question);
/// The ids of the caller's active workflows. Io threads.
Task<std::vector<std::string>> active_workflows(Services& services, const auth::Caller& caller);

}  // namespace qflow::services
