#include "daemon/cli/shown_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "daemon/base/base64.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/engine/kept_files.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

struct Form {
  const char* mime;
  const char* suffix;
  bool binary;
};
constexpr Form kForms[] = {{"image/png", ".png", true},      {"image/jpeg", ".jpg", true},
                           {"image/svg+xml", ".svg", false}, {"text/html", ".html", false},
                           {"text/markdown", ".md", false},  {"application/json", ".json", false}};

}  // namespace

std::vector<ShownFile> shown_files(const std::vector<store::NodeExecution>& nodes) {
  std::vector<ShownFile> out;
  std::set<std::string> names;
  for (const store::NodeExecution& row : nodes) {
    if (!row.told) continue;
    std::string error;
    const json::value told = schema::parse_json(*row.told, error, 200);
    const json::value* shown = told.is_object() ? told.get_object().if_contains("display") : nullptr;
    if (shown == nullptr) continue;
    for (const json::value& one : shown->as_array())
      for (const Form& form : kForms) {
        const json::value* data = one.at("data").as_object().if_contains(form.mime);
        if (data == nullptr) continue;
        const std::string text(data->as_string());
        std::optional<std::string> bytes = form.binary ? from_base64(text) : text;
        if (!bytes) continue;
        const std::string name = engine::safe_filename(row.node_name, "shown", form.suffix);
        std::string free = name;
        for (int number = 2; !names.insert(free).second; ++number) free = engine::numbered(name, number);
        out.push_back({row.node_id, std::move(free), std::move(*bytes), form.mime});
        break;
      }
  }
  return out;
}

json::array place_shown(const std::vector<ShownFile>& files, const std::string& directory) {
  json::array placed;
  if (files.empty()) return placed;
  std::error_code ignored;
  fs::create_directories(directory, ignored);  // writing says why
  for (const ShownFile& file : files) {
    const std::string path = fs::absolute(fs::path(directory) / file.filename).string();
    replace_file(path, file.bytes, 0644);
    placed.push_back(json::object{{"filename", file.filename},
                                  {"path", path},
                                  {"size", file.bytes.size()},
                                  {"sha256", nullptr},
                                  {"mime_type", file.mime_type},
                                  {"output_of", nullptr},
                                  {"shown_by", file.node_id}});
  }
  return placed;
}

}  // namespace qflow::cli
