// /workflows/{id}/versions: earlier states of a workflow; /templates: starting points for new workflows.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_workflow_versions(Services&, const Request&);
Task<Reply> get_workflow_version(Services&, const Request&);
Task<Reply> restore_workflow_version(Services&, const Request&);
Task<Reply> list_templates(Services&, const Request&);
Task<Reply> get_template(Services&, const Request&);
Task<Reply> import_template(Services&, const Request&);

}  // namespace qflow::api
