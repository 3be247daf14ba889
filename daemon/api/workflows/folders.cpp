#include "daemon/api/workflows/folders.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/asset_rows.hpp"
#include "daemon/store/folder_rows.hpp"

namespace qflow::api {
namespace {

json::object view(const store::Folder& f) {
  json::object out{{"id", f.id},
                   {"name", f.name},
                   {"projectId", f.project_id},
                   {"parentFolderId", nullptr},
                   {"createdAt", iso_time(f.created_at)},
                   {"updatedAt", iso_time(f.updated_at)}};
  if (f.parent_folder_id) out["parentFolderId"] = *f.parent_folder_id;
  return out;
}

// The project that the path names, if the caller may see it.
store::Project project_of(sqlite::Db& db, const std::string& id, const auth::Caller& caller) {
  const auto project = store::find_project(db, id, caller.user_id);
  if (!project || (!caller.sees_all() && project->user_id != caller.user_id)) throw missing("project", id);
  return *project;
}

store::Folder folder_of(sqlite::Db& db, const Request& request) {
  const store::Project project = project_of(db, request.parameter("projectId"), *request.caller);
  const auto folder = store::find_folder(db, project.id, request.parameter("folderId"));
  if (!folder) throw missing("folder", request.parameter("folderId"));
  return *folder;
}

// The request outlives the job that the handler waits for.
template <class F>
auto with_folder(Services& services, const Request& request, F use) {
  return services.store.read([&request, use](sqlite::Db& db) mutable { return use(db, folder_of(db, request)); });
}

void check_parent(sqlite::Db& db, const store::Folder& f) {
  if (f.parent_folder_id && !store::find_folder(db, f.project_id, *f.parent_folder_id))
    throw Fault(FaultKind::bad_input, "missing_folder",
                fmt::format("/parentFolderId: no folder has the id {}", *f.parent_folder_id));
}

}  // namespace

Task<Reply> list_folders(Services& services, const Request& request) {
  auto job = [&request](sqlite::Db& db) {
    return store::list_folders(db, project_of(db, request.parameter("projectId"), *request.caller).id);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array data;
  for (const auto& row : rows) data.push_back(view(row));
  const auto count = data.size();
  co_return Reply::of(json::object{{"data", std::move(data)}, {"count", count}});
}

Task<Reply> create_folder(Services& services, const Request& request) {
  Body body(request.json_object());
  store::Folder folder;
  folder.id = new_id();
  folder.name = body.required("name", 200);
  folder.parent_folder_id = body.text("parentFolderId");
  body.check();
  folder.created_at = folder.updated_at = now_us();
  auto job = [&request, folder](sqlite::Tx& tx) mutable {
    sqlite::Db& db = *tx.operator->();
    folder.project_id = project_of(db, request.parameter("projectId"), *request.caller).id;
    check_parent(db, folder);
    store::insert_folder(tx, folder);
    return folder;
  };
  const store::Folder made = co_await services.store.write(std::move(job));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_folder(Services& services, const Request& request) {
  auto use = [](sqlite::Db&, const store::Folder& folder) { return view(folder); };
  const json::object out = co_await with_folder(services, request, use);
  co_return Reply::of(out);
}

Task<Reply> update_folder(Services& services, const Request& request) {
  Body body(request.json_object());
  const auto name = body.has("name") ? std::optional(body.required("name", 200)) : std::nullopt;
  const bool moves = body.has("parentFolderId");
  const auto parent = body.text("parentFolderId");
  body.check();
  auto job = [&request, name, moves, parent](sqlite::Tx& tx) {
    store::Folder folder = folder_of(*tx.operator->(), request);
    folder.name = name.value_or(folder.name);
    if (moves) folder.parent_folder_id = parent && *parent != "0" ? parent : std::nullopt;
    check_parent(*tx.operator->(), folder);
    folder.updated_at = now_us();
    store::update_folder(tx, folder);
    return folder;
  };
  const store::Folder changed = co_await services.store.write(std::move(job));
  co_return Reply::of(view(changed));
}

Task<Reply> delete_folder(Services& services, const Request& request) {
  std::optional<std::string> heir = request.text("transferToFolderId");
  if (!request.body.empty()) {
    Body body(request.json_object());
    if (auto named = body.text("transferToFolderId")) heir = named;
    body.check();
  }
  auto job = [&request, heir](sqlite::Tx& tx) {
    const store::Folder folder = folder_of(*tx.operator->(), request);
    if (heir && !store::find_folder(*tx.operator->(), folder.project_id, *heir)) throw missing("folder", *heir);
    store::delete_folder(tx, folder, heir);
  };
  co_await services.store.write(std::move(job));
  co_return Reply::success();
}

Task<Reply> get_folder_tree(Services& services, const Request& request) {
  auto use = [](sqlite::Db& db, const store::Folder& folder) {
    const auto path = store::folder_path(db, folder.id);
    json::array inner;
    for (auto at = path.rbegin(); at != path.rend(); ++at)
      inner = json::array{json::object{{"id", at->id}, {"name", at->name}, {"children", std::move(inner)}}};
    return inner;
  };
  const json::array out = co_await with_folder(services, request, use);
  co_return Reply::of(json::value(out));
}

Task<Reply> get_folder_content(Services& services, const Request& request) {
  auto use = [](sqlite::Db& db, const store::Folder& folder) { return store::folder_content(db, folder.id); };
  const store::FolderContent content = co_await with_folder(services, request, use);
  co_return Reply::of(json::object{{"totalSubFolders", content.folders}, {"totalWorkflows", content.workflows}});
}

Task<Reply> get_folder_credentials(Services& services, const Request& request) {
  auto use = [](sqlite::Db& db, const store::Folder& folder) {
    return store::list_credentials(db, std::nullopt, folder.id);
  };
  const auto rows = co_await with_folder(services, request, use);
  json::array out;
  for (const auto& row : rows) out.push_back(json::object{{"id", row.id}, {"name", row.name}, {"type", row.type}});
  co_return Reply::of(json::value(out));
}

}  // namespace qflow::api
