#include "daemon/api/workflows/workflow_view.hpp"

#include "daemon/base/time.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::api {

json::object tag_view(const store::Tag& tag) {
  return {{"id", tag.id},
          {"name", tag.name},
          {"description", tag.description},
          {"color", tag.color},
          {"createdAt", iso_time(tag.created_at)},
          {"updatedAt", iso_time(tag.updated_at)}};
}

json::object workflow_view(const store::Workflow& w, const std::vector<store::Tag>& tags) {
  json::object out{{"id", w.id},
                   {"name", w.name},
                   {"description", w.description},
                   {"nodes", services::stored_json(w.nodes)},
                   {"connections", services::stored_json(w.connections)},
                   {"settings", services::stored_json(w.settings)},
                   {"python_version", nullptr}};
  if (!w.python_version.empty()) out["python_version"] = w.python_version;
  out["active"] = w.is_active;
  out["isArchived"] = w.is_archived;
  out["isTemplate"] = w.is_template;
  out["version"] = w.version;
  out["parentFolderId"] = nullptr;
  if (w.folder_id) out["parentFolderId"] = *w.folder_id;
  json::array names;
  for (const auto& tag : tags) names.push_back(json::object{{"id", tag.id}, {"name", tag.name}});
  out["tags"] = std::move(names);
  out["createdAt"] = iso_time(w.created_at);
  out["updatedAt"] = iso_time(w.updated_at);
  if (w.left_out > 0) out["left_out"] = json::object{{"bytes", w.left_out}, {"get", "/workflows/" + w.id}};
  const json::value extra = services::stored_json(w.extra);
  if (const auto* members = extra.if_object())
    for (const auto& [key, value] : *members)
      if (!out.contains(key)) out[key] = value;
  return out;
}

json::object folder_view(const store::Folder& f) {
  json::object out{{"id", f.id},
                   {"name", f.name},
                   {"projectId", f.project_id},
                   {"parentFolderId", nullptr},
                   {"createdAt", iso_time(f.created_at)},
                   {"updatedAt", iso_time(f.updated_at)}};
  if (f.parent_folder_id) out["parentFolderId"] = *f.parent_folder_id;
  return out;
}

}  // namespace qflow::api
