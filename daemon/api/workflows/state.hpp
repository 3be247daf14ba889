// /workflows/{id}/state: what a workflow keeps from one execution to the next (`qflow.state`).
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> get_workflow_state(Services&, const Request&);
Task<Reply> set_workflow_state(Services&, const Request&);

}  // namespace qflow::api
