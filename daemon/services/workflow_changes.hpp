// Changes of workflows and the rules for them: whose folder a workflow may lie in, what may be active. Each change is
// one transaction, so concurrent changes to different members all survive, and is announced to the editors. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/tag_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::services {

/// What a client sends to be saved.
struct WorkflowDraft {
  json::object document;  ///< its members go where they belong, see take_workflow()
  std::optional<bool> active;
  std::optional<std::vector<std::string>> tags;  ///< ids or names; nothing: they stay
};

struct TaggedWorkflow {
  store::Workflow workflow;
  std::vector<store::Tag> tags;
};

/// The workflow with its tags. Throws Fault(not_found) also when it is not the caller's.
Task<TaggedWorkflow> find_workflow(Services& services, const auth::Caller& caller, std::string id);
/// The stored versions of a workflow, the newest first, below the number `before` (0: from the newest), without their
/// JSON; and one of them whole. Throw Fault(not_found), as above.
Task<std::vector<store::WorkflowVersion>> workflow_versions(Services& services, const auth::Caller& caller,
                                                            std::string id, std::int64_t limit, std::int64_t before);
Task<store::WorkflowVersion> find_workflow_version(Services& services, const auth::Caller& caller, std::string id,
                                                   std::int64_t version);

/// Throws Fault: bad_input for a document that cannot be read, a folder of somebody else, or an active workflow that
/// cannot run.
Task<TaggedWorkflow> create_workflow(Services& services, const auth::Caller& caller, WorkflowDraft draft);
/// As create_workflow(), but an active workflow may be changed into one that cannot run; not_found when it is not the
/// caller's.
Task<TaggedWorkflow> change_workflow(Services& services, const auth::Caller& caller, std::string id,
                                     WorkflowDraft draft);
/// A workflow that cannot run is not activated.
Task<TaggedWorkflow> set_workflow_active(Services& services, const auth::Caller& caller, std::string id, bool active);
/// Makes a stored version the current one, as a new version.
Task<TaggedWorkflow> restore_workflow(Services& services, const auth::Caller& caller, std::string id,
                                      std::int64_t version);
/// Its versions, tags and webhooks go with it; the records of its executions stay. Throws Fault(not_found).
Task<> delete_workflow(Services& services, const auth::Caller& caller, std::string id);
/// `wanted`, or `wanted` with the first number that makes it a name of none of the caller's workflows.
Task<std::string> free_workflow_name(Services& services, const auth::Caller& caller, std::string wanted);

}  // namespace qflow::services
