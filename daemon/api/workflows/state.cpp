#include "daemon/api/workflows/state.hpp"

#include "daemon/base/time.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/services/workflow_state.hpp"

namespace qflow::api {
namespace {

Reply state_view(const store::WorkflowState& row) {
  json::object out{{"workflowId", row.workflow},
                   {"state", services::stored_json(row.state)},
                   {"changedAt", nullptr},
                   {"executionId", nullptr}};
  if (row.changed_at > 0) out["changedAt"] = iso_time(row.changed_at);
  if (row.execution_id) out["executionId"] = *row.execution_id;
  return Reply::of(std::move(out));
}

}  // namespace

Task<Reply> get_workflow_state(Services& services, const Request& request) {
  const store::WorkflowState row =
      co_await services::workflow_state(services, *request.caller, request.parameter("id"));
  co_return state_view(row);
}

Task<Reply> set_workflow_state(Services& services, const Request& request) {
  json::object body = request.json_object();
  const store::WorkflowState row =
      co_await services::set_workflow_state(services, *request.caller, request.parameter("id"), std::move(body));
  co_return state_view(row);
}

}  // namespace qflow::api
