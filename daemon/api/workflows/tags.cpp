#include "daemon/api/workflows/tags.hpp"

#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/tag_rows.hpp"

namespace qflow::api {
namespace {

using store::Tagged;

Task<Reply> list(Services& services, Tagged what) {
  auto job = [what](sqlite::Db& db) { return store::list_tags(db, what); };
  const auto rows = co_await services.store.read(std::move(job));
  json::array items;
  for (const auto& row : rows) items.push_back(tag_view(row));
  co_return Reply::of(json::object{{"tags", std::move(items)}});
}

Task<Reply> create(Services& services, Tagged what, const Request& request) {
  Body body(request.json_object());
  store::Tag tag;
  tag.id = new_id();
  tag.name = body.required("name", 100);
  tag.description = body.text("description").value_or("");
  tag.color = body.text("color", 30).value_or("");
  body.check();
  tag.created_by = request.caller->user_id;
  tag.created_at = tag.updated_at = now_us();
  auto job = [what, tag](sqlite::Tx& tx) { store::insert_tag(tx, what, tag); };
  co_await services.store.write(std::move(job));
  co_return Reply::of(201, tag_view(tag));
}

// A tag that the caller may change. Everybody sees tags; a tag belongs to the user who made it.
store::Tag own_tag(sqlite::Tx& tx, Tagged what, const std::string& id, const auth::Caller& caller) {
  const auto tag = store::find_tag(*tx.operator->(), what, id);
  if (!tag || tag->id != id) throw missing("tag", id);
  if (!caller.sees_all() && tag->created_by != caller.user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a tag, and admins, may change it");
  return *tag;
}

Task<Reply> update(Services& services, Tagged what, const Request& request) {
  Body body(request.json_object());
  const auto name = body.has("name") ? std::optional(body.required("name", 100)) : std::nullopt;
  const auto description = body.text("description");
  const auto color = body.text("color", 30);
  body.check();
  auto job = [what, id = request.parameter("id"), caller = request.caller, name, description, color](sqlite::Tx& tx) {
    store::Tag tag = own_tag(tx, what, id, *caller);
    tag.name = name.value_or(tag.name);
    tag.description = description.value_or(tag.description);
    tag.color = color.value_or(tag.color);
    tag.updated_at = now_us();
    store::update_tag(tx, what, tag);
    return tag;
  };
  const store::Tag tag = co_await services.store.write(std::move(job));
  co_return Reply::of(tag_view(tag));
}

Task<Reply> remove(Services& services, Tagged what, const Request& request) {
  auto job = [what, id = request.parameter("id"), caller = request.caller](sqlite::Tx& tx) {
    store::delete_tag(tx, what, own_tag(tx, what, id, *caller).id);
  };
  co_await services.store.write(std::move(job));
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
