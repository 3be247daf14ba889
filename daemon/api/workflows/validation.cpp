#include "daemon/api/workflows/validation.hpp"

#include "daemon/api/nodes/typing_view.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/workflow_changes.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::api {
namespace {

Task<Reply> check_document(Services& services, json::object document, std::optional<std::string> owner) {
  const auto findings =
      co_await services::check_within(services, std::move(document), std::move(owner), services::kCheckPatience);
  const json::object view = findings_view(findings);
  co_return Reply::of(view);
}

}  // namespace

Task<Reply> validate_workflow(Services& services, const Request& request) {
  json::object body = request.json_object();
  if (const json::value* inner = body.if_contains("workflow"); inner != nullptr && inner->is_object())
    body = json::object(inner->get_object());
  return check_document(services, std::move(body), request.caller->user_id);
}

Task<Reply> validate_stored_workflow(Services& services, const Request& request) {
  const services::TaggedWorkflow found =
      co_await services::find_workflow(services, *request.caller, request.parameter("id"));
  const store::Workflow& w = found.workflow;
  Reply reply = co_await check_document(services, services::document_of(w), w.created_by);
  co_return reply;
}

}  // namespace qflow::api
