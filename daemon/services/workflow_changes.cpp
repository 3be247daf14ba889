#include "daemon/services/workflow_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "daemon/base/time.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/kept_values.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/folder_rows.hpp"
#include "daemon/store/storage_rows.hpp"

namespace qflow::services {
namespace {

using store::Tagged;

void announce(Services& services, const char* type, const store::Workflow& w) {
  services.events.publish(observe::Channel::workflows, type, w.created_by.value_or(""),
                          {{"workflowId", w.id}, {"name", w.name}, {"active", w.is_active}});
}

void check_folder(sqlite::Db& db, const store::Workflow& w, const std::string& user_id) {
  if (!w.folder_id) return;
  const auto project = store::find_project(db, "personal", w.created_by.value_or(user_id));
  if (!project || !store::find_folder(db, project->id, *w.folder_id))
    throw Fault(FaultKind::bad_input, "missing_folder",
                fmt::format("/parentFolderId: no folder has the id {}", *w.folder_id));
}

void check_runnable(const store::Workflow& w, const workers::Settings& settings) {
  flow::make_plan(graph_of(w), settings);
}

// Reads, changes and writes in one transaction; `apply` writes.
template <class F>
Task<TaggedWorkflow> change(Services& services, const auth::Caller& caller, std::string id, F apply) {
  auto job = [id = std::move(id), owner = caller.owner_filter(), apply = std::move(apply)](sqlite::Tx& tx) mutable {
    sqlite::Db& db = *tx.operator->();
    store::Workflow w = own_workflow(db, id, owner);
    apply(tx, w);
    return TaggedWorkflow{w, store::tags_of(db, Tagged::workflows, id)};
  };
  TaggedWorkflow changed = co_await services.store.write(std::move(job));
  announce(services, "workflow.updated", changed.workflow);
  co_return changed;
}

// Whether a save changed nothing, so that there is no version of it.
bool same(const store::Workflow& a, const store::Workflow& b) {
  return std::tie(a.name, a.description, a.nodes, a.connections, a.settings, a.extra, a.python_version, a.is_active,
                  a.folder_id, a.is_archived,
                  a.is_template) == std::tie(b.name, b.description, b.nodes, b.connections, b.settings, b.extra,
                                             b.python_version, b.is_active, b.folder_id, b.is_archived, b.is_template);
}

}  // namespace

namespace {

store::WorkflowVersion version_of(sqlite::Db& db, const std::string& id, std::int64_t version) {
  auto found = store::find_version(db, id, version);
  if (!found) throw missing("version", fmt::format("{} of workflow {}", version, id));
  return std::move(*found);
}

}  // namespace

Task<TaggedWorkflow> find_workflow(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), owner = caller.owner_filter()](sqlite::Db& db) {
    store::Workflow w = own_workflow(db, id, owner);
    return TaggedWorkflow{std::move(w), store::tags_of(db, Tagged::workflows, id)};
  };
  return services.store.read(std::move(job));
}

Task<std::vector<store::WorkflowVersion>> workflow_versions(Services& services, const auth::Caller& caller,
                                                            std::string id, std::int64_t limit, std::int64_t before) {
  auto job = [id = std::move(id), owner = caller.owner_filter(), limit, before](sqlite::Db& db) {
    own_workflow(db, id, owner);
    return store::versions_of(db, id, limit, before);
  };
  return services.store.read(std::move(job));
}

Task<store::WorkflowVersion> find_workflow_version(Services& services, const auth::Caller& caller, std::string id,
                                                   std::int64_t version) {
  auto job = [id = std::move(id), owner = caller.owner_filter(), version](sqlite::Db& db) {
    own_workflow(db, id, owner);
    return version_of(db, id, version);
  };
  return services.store.read(std::move(job));
}

Task<TaggedWorkflow> create_workflow(Services& services, const auth::Caller& caller, WorkflowDraft draft) {
  store::Workflow w = fresh_workflow(caller.user_id);
  take_workflow(draft.document, w);
  w.is_active = draft.active.value_or(false);
  if (w.is_active) check_runnable(w, *services.settings.get());
  else graph_of(w);  // what cannot be read is refused
  auto job = [w, tags = std::move(draft.tags), user = caller.user_id, quota = quota_of(services)](sqlite::Tx& tx) {
    sqlite::Db& db = *tx.operator->();
    store::require_room(db, user, quota);
    check_folder(db, w, user);
    store::insert_workflow(tx, w);
    if (tags) store::set_tags(tx, Tagged::workflows, w.id, *tags);
    return TaggedWorkflow{w, store::tags_of(db, Tagged::workflows, w.id)};
  };
  TaggedWorkflow made = co_await services.store.write(std::move(job));
  announce(services, "workflow.created", made.workflow);
  co_return made;
}

Task<TaggedWorkflow> change_workflow(Services& services, const auth::Caller& caller, std::string id,
                                     WorkflowDraft draft) {
  auto apply = [draft = std::move(draft), settings = services.settings.get(), user = caller.user_id,
                quota = quota_of(services)](sqlite::Tx& tx, store::Workflow& w) {
    store::require_room(*tx.operator->(), w.created_by.value_or(user), quota);  // each change is kept as a version
    const store::Workflow before = w;
    take_workflow(draft.document, w);
    if (draft.active.value_or(false) && !w.is_active) check_runnable(w, *settings);
    else graph_of(w);
    w.is_active = draft.active.value_or(w.is_active);
    check_folder(*tx.operator->(), w, user);
    const bool changed = !same(before, w);
    if (changed) {
      w.updated_at = now_us();
      store::update_workflow(tx, w, user);
    }
    if (draft.tags) store::set_tags(tx, Tagged::workflows, w.id, *draft.tags);
    if (changed) ++w.version;
  };
  return change(services, caller, std::move(id), std::move(apply));
}

Task<TaggedWorkflow> set_workflow_active(Services& services, const auth::Caller& caller, std::string id, bool active) {
  auto apply = [active, settings = services.settings.get()](sqlite::Tx& tx, store::Workflow& w) {
    if (active) check_runnable(w, *settings);
    store::set_active(tx, w.id, active, now_us());
    w.is_active = active;
  };
  return change(services, caller, std::move(id), std::move(apply));
}

Task<TaggedWorkflow> restore_workflow(Services& services, const auth::Caller& caller, std::string id,
                                      std::int64_t version) {
  auto apply = [version, user = caller.user_id, quota = quota_of(services)](sqlite::Tx& tx, store::Workflow& w) {
    store::require_room(*tx.operator->(), w.created_by.value_or(user), quota);
    const store::WorkflowVersion old = version_of(*tx.operator->(), w.id, version);
    w.nodes = old.nodes;
    w.connections = old.connections;
    w.settings = old.settings;
    w.updated_at = now_us();
    store::update_workflow(tx, w, user);
    ++w.version;
  };
  return change(services, caller, std::move(id), std::move(apply));
}

Task<> delete_workflow(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), owner = caller.owner_filter()](sqlite::Tx& tx) {
    store::Workflow w = own_workflow(*tx.operator->(), id, owner);
    store::delete_workflow(tx, id);
    return w;
  };
  const store::Workflow gone = co_await services.store.write(std::move(job));
  co_await forget_kept(services);
  announce(services, "workflow.deleted", gone);
}

Task<std::string> free_workflow_name(Services& services, const auth::Caller& caller, std::string wanted) {
  auto job = [wanted = std::move(wanted), owner = caller.owner_filter()](sqlite::Db& db) {
    store::WorkflowQuery query;
    query.name_contains = wanted;
    query.take = 1000;
    query.owner = owner;
    const auto page = store::list_workflows(db, query);
    const auto taken = [&](const std::string& name) {
      return std::any_of(page.rows.begin(), page.rows.end(), [&](const auto& w) { return w.name == name; });
    };
    std::string name = wanted;
    for (int i = 2; taken(name); ++i) name = fmt::format("{} {}", wanted, i);
    return name;
  };
  return services.store.read(std::move(job));
}

}  // namespace qflow::services
