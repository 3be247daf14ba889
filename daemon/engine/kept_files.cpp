#include "daemon/engine/kept_files.hpp"

#include <array>
#include <set>
#include <utility>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"

namespace qflow::engine {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kTypes{{
    {".svg", "image/svg+xml"},
    {".html", "text/html"},
    {".txt", "text/plain"},
    {".json", "application/json"},
    {".csv", "text/csv"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".pdf", "application/pdf"},
    {".md", "text/markdown"},
    {".xml", "application/xml"},
    {".zip", "application/zip"},
    {".gz", "application/gzip"},
    {".parquet", "application/vnd.apache.parquet"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".db", "application/vnd.sqlite3"},
}};

void append_slug(std::string& out, const std::string& text) {
  for (const char c : text.substr(0, 60)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) out += c;
    else if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    else if (!out.empty() && out.back() != '-') out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
}

}  // namespace

bool has_files(const Outcome& outcome) {
  for (const StepRun& run : outcome.steps)
    if (!run.files.empty()) return true;
  return false;
}

std::string safe_filename(const std::string& node, const std::string& label, const std::string& suffix) {
  std::string name;
  append_slug(name, node);
  if (!label.empty()) {
    std::string part;
    append_slug(part, label);
    if (part != name && !part.empty()) name += (name.empty() ? "" : "-") + part;
  }
  if (name.empty()) name = "file";
  for (const auto& [known, type] : kTypes)
    if (suffix == known) return name + suffix;
  return name + ".bin";
}

std::string mime_type(const std::string& filename) {
  for (const auto& [suffix, type] : kTypes)
    if (filename.ends_with(suffix)) return std::string(type);
  return "application/octet-stream";
}

std::vector<store::File> keep_files(const store::Store& store, const std::string& execution_id, const flow::Plan& plan,
                                    const Outcome& outcome) {
  std::vector<store::File> rows;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const HandedFile& file : outcome.steps[i].files) {
      store::File row;
      row.id = new_id();
      std::string name = safe_filename(plan.steps[i].node.name, file.label, file.suffix);
      for (int n = 2; !taken.insert(name).second; ++n)
        name = safe_filename(plan.steps[i].node.name, file.label + "-" + std::to_string(n), file.suffix);
      row.filename = name;
      row.file_size_bytes = static_cast<std::int64_t>(file.bytes.size());
      row.mime_type = mime_type(row.filename);
      row.hash_sha256 = store.put_blob(file.bytes);
      row.workflow_execution_id = execution_id;
      row.node_id = plan.steps[i].node.id;
      row.created_at = now_us();
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace qflow::engine
