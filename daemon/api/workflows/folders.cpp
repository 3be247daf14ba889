#include "daemon/api/workflows/folders.hpp"

#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/workflow_folders.hpp"
#include "daemon/store/asset_rows.hpp"

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

services::FolderPlace place_of(const Request& request) {
  return {request.parameter("projectId"), request.parameter("folderId")};
}

// Runs `use(db, folder)` for the folder that the path names, on a thread of the store.
template <class F>
auto with_folder(Services& services, const Request& request, F use) {
  return services.store.read([place = place_of(request), caller = request.caller, use](sqlite::Db& db) mutable {
    return use(db, services::visible_folder(db, *caller, place));
  });
}

}  // namespace

Task<Reply> list_folders(Services& services, const Request& request) {
  auto job = [project = request.parameter("projectId"), caller = request.caller](sqlite::Db& db) {
    return store::list_folders(db, services::visible_project(db, *caller, project).id);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array data;
  for (const auto& row : rows) data.push_back(view(row));
  const auto count = data.size();
  co_return Reply::of(json::object{{"data", std::move(data)}, {"count", count}});
}

Task<Reply> create_folder(Services& services, const Request& request) {
  Body body(request.json_object());
  std::string name = body.required("name", 200);
  auto parent = body.text("parentFolderId");
  body.check();
  const store::Folder made = co_await services::create_folder(services, *request.caller, request.parameter("projectId"),
                                                              std::move(name), std::move(parent));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_folder(Services& services, const Request& request) {
  auto use = [](sqlite::Db&, const store::Folder& folder) { return view(folder); };
  const json::object out = co_await with_folder(services, request, use);
  co_return Reply::of(out);
}

Task<Reply> update_folder(Services& services, const Request& request) {
  Body body(request.json_object());
  services::FolderChange change;
  if (body.has("name")) change.name = body.required("name", 200);
  const auto parent = body.text("parentFolderId");
  if (body.has("parentFolderId")) change.parent = parent && *parent != "0" ? parent : std::nullopt;
  body.check();
  services::FolderPlace place = place_of(request);
  const store::Folder changed =
      co_await services::change_folder(services, *request.caller, std::move(place), std::move(change));
  co_return Reply::of(view(changed));
}

Task<Reply> delete_folder(Services& services, const Request& request) {
  std::optional<std::string> heir = request.text("transferToFolderId");
  if (!request.body.empty()) {
    Body body(request.json_object());
    if (auto named = body.text("transferToFolderId")) heir = named;
    body.check();
  }
  services::FolderPlace place = place_of(request);
  co_await services::delete_folder(services, *request.caller, std::move(place), std::move(heir));
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
