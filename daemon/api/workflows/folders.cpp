#include "daemon/api/workflows/folders.hpp"

#include "daemon/api/workflows/workflow_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/services/workflow_folders.hpp"

namespace qflow::api {
namespace {

services::FolderPlace place_of(const Request& request) {
  return {request.parameter("projectId"), request.parameter("folderId")};
}

}  // namespace

Task<Reply> list_folders(Services& services, const Request& request) {
  const auto rows = co_await services::list_folders(services, *request.caller, request.parameter("projectId"));
  json::array data;
  for (const auto& row : rows) data.push_back(folder_view(row));
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
  co_return Reply::of(201, folder_view(made));
}

Task<Reply> get_folder(Services& services, const Request& request) {
  services::FolderPlace place = place_of(request);
  const store::Folder folder = co_await services::find_folder(services, *request.caller, std::move(place));
  co_return Reply::of(folder_view(folder));
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
  co_return Reply::of(folder_view(changed));
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
  services::FolderPlace place = place_of(request);
  const auto path = co_await services::folder_path(services, *request.caller, std::move(place));
  json::array inner;
  for (auto at = path.rbegin(); at != path.rend(); ++at)
    inner = json::array{json::object{{"id", at->id}, {"name", at->name}, {"children", std::move(inner)}}};
  co_return Reply::of(json::value(std::move(inner)));
}

Task<Reply> get_folder_content(Services& services, const Request& request) {
  services::FolderPlace place = place_of(request);
  const store::FolderContent content = co_await services::folder_content(services, *request.caller, std::move(place));
  co_return Reply::of(json::object{{"totalSubFolders", content.folders}, {"totalWorkflows", content.workflows}});
}

Task<Reply> get_folder_credentials(Services& services, const Request& request) {
  services::FolderPlace place = place_of(request);
  const auto rows = co_await services::folder_credentials(services, *request.caller, std::move(place));
  json::array out;
  for (const auto& row : rows) out.push_back(json::object{{"id", row.id}, {"name", row.name}, {"type", row.type}});
  co_return Reply::of(json::value(out));
}

}  // namespace qflow::api
