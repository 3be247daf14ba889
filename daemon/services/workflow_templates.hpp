// Templates of workflows: those that come with Qflow, and workflows that were marked as templates. Io threads.
#pragma once
#include <string>
#include <vector>

#include "daemon/services/workflow_changes.hpp"

namespace qflow::services {

struct WorkflowTemplate {
  std::string id;
  json::object body;    ///< name, description, nodes, connections, settings, python_version
  bool builtin = true;  ///< comes with Qflow
};

/// All of them; of users' templates only name and description.
Task<std::vector<WorkflowTemplate>> workflow_templates(Services& services);
/// Throws Fault(not_found).
Task<WorkflowTemplate> find_template(Services& services, std::string id);
/// A workflow of the caller's from a template; `name`: empty: the template's.
Task<TaggedWorkflow> import_template(Services& services, const auth::Caller& caller, std::string id, std::string name);

}  // namespace qflow::services
