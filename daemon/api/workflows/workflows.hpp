// /workflows: store, list, change, delete, activate, execute.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_workflows(Services&, const Request&);
Task<Reply> create_workflow(Services&, const Request&);
Task<Reply> new_workflow(Services&, const Request&);
Task<Reply> get_workflow(Services&, const Request&);
Task<Reply> update_workflow(Services&, const Request&);
Task<Reply> delete_workflow(Services&, const Request&);
Task<Reply> activate_workflow(Services&, const Request&);
Task<Reply> deactivate_workflow(Services&, const Request&);
Task<Reply> list_active_workflows(Services&, const Request&);
Task<Reply> execute_workflow(Services&, const Request&);

}  // namespace qflow::api
