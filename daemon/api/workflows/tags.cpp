#include "daemon/api/workflows/tags.hpp"

#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/services/tagging.hpp"

namespace qflow::api {
namespace {

using store::Tagged;

Task<Reply> list(Services& services, Tagged what) {
  const auto rows = co_await services::list_tags(services, what);
  json::array items;
  for (const auto& row : rows) items.push_back(tag_view(row));
  co_return Reply::of(json::object{{"tags", std::move(items)}});
}

services::TagDraft tag_draft_in(const Body& body) {
  services::TagDraft draft;
  if (body.has("name")) draft.name = body.required("name", 100);
  draft.description = body.text("description");
  draft.color = body.text("color", 30);
  return draft;
}

Task<Reply> create(Services& services, Tagged what, const Request& request) {
  Body body(request.json_object());
  body.required("name", 100);
  services::TagDraft draft = tag_draft_in(body);
  body.check();
  const store::Tag tag = co_await services::create_tag(services, *request.caller, what, std::move(draft));
  co_return Reply::of(201, tag_view(tag));
}

Task<Reply> update(Services& services, Tagged what, const Request& request) {
  Body body(request.json_object());
  services::TagDraft draft = tag_draft_in(body);
  body.check();
  const store::Tag tag =
      co_await services::change_tag(services, *request.caller, what, request.parameter("id"), std::move(draft));
  co_return Reply::of(tag_view(tag));
}

Task<Reply> remove(Services& services, Tagged what, const Request& request) {
  co_await services::delete_tag(services, *request.caller, what, request.parameter("id"));
  co_return Reply::success();
}

}  // namespace

Task<Reply> list_workflow_tags(Services& s, const Request&) { return list(s, Tagged::workflows); }
Task<Reply> create_workflow_tag(Services& s, const Request& r) { return create(s, Tagged::workflows, r); }
Task<Reply> update_workflow_tag(Services& s, const Request& r) { return update(s, Tagged::workflows, r); }
Task<Reply> delete_workflow_tag(Services& s, const Request& r) { return remove(s, Tagged::workflows, r); }
Task<Reply> list_node_tags(Services& s, const Request&) { return list(s, Tagged::nodes); }
Task<Reply> create_node_tag(Services& s, const Request& r) { return create(s, Tagged::nodes, r); }
Task<Reply> update_node_tag(Services& s, const Request& r) { return update(s, Tagged::nodes, r); }
Task<Reply> delete_node_tag(Services& s, const Request& r) { return remove(s, Tagged::nodes, r); }

}  // namespace qflow::api
