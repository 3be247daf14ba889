#include "daemon/services/tagging.hpp"

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {
namespace {

using store::Tagged;

void apply(const TagDraft& draft, store::Tag& tag) {
  tag.name = draft.name.value_or(tag.name);
  tag.description = draft.description.value_or(tag.description);
  tag.color = draft.color.value_or(tag.color);
}

store::Tag own_tag(sqlite::Db& db, Tagged what, const std::string& id, const auth::Caller& caller) {
  auto tag = store::find_tag(db, what, id);
  if (!tag || tag->id != id) throw missing("tag", id);
  if (!caller.sees_all() && tag->created_by != caller.user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the user who made a tag, and admins, may change it");
  return std::move(*tag);
}

}  // namespace

Task<std::vector<store::Tag>> list_tags(Services& services, Tagged what) {
  auto job = [what](sqlite::Db& db) { return store::list_tags(db, what); };
  return services.store.read(std::move(job));
}

Task<store::Tag> create_tag(Services& services, const auth::Caller& caller, Tagged what, TagDraft draft) {
  store::Tag tag;
  tag.id = new_id();
  apply(draft, tag);
  tag.created_by = caller.user_id;
  tag.created_at = tag.updated_at = now_us();
  auto job = [what, tag](sqlite::Tx& tx) { store::insert_tag(tx, what, tag); };
  co_await services.store.write(std::move(job));
  co_return tag;
}

Task<store::Tag> change_tag(Services& services, const auth::Caller& caller, Tagged what, std::string id,
                            TagDraft draft) {
  auto job = [what, id = std::move(id), caller, draft = std::move(draft)](sqlite::Tx& tx) {
    store::Tag tag = own_tag(*tx.operator->(), what, id, caller);
    apply(draft, tag);
    tag.updated_at = now_us();
    store::update_tag(tx, what, tag);
    return tag;
  };
  store::Tag changed = co_await services.store.write(std::move(job));
  co_return changed;
}

Task<> delete_tag(Services& services, const auth::Caller& caller, Tagged what, std::string id) {
  auto job = [what, id = std::move(id), caller](sqlite::Tx& tx) {
    store::delete_tag(tx, what, own_tag(*tx.operator->(), what, id, caller).id);
  };
  co_await services.store.write(std::move(job));
}

}  // namespace qflow::services
