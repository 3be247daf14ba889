#include "daemon/engine/kept_files.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "daemon/base/ids.hpp"
#include "daemon/base/text.hpp"
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
    if (!run.files.empty() || run.whole) return true;
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

std::string kept_name(const std::string& own) {
  std::string name;
  for (const char c : cut_utf8(own, 120)) {
    const auto u = static_cast<unsigned char>(c);
    // Nothing that a path would take for something else, or that shows as nothing.
    name += u < 0x20 || u == 0x7f || c == '/' || c == '\\' ? '_' : c;
  }
  while (name.starts_with('.') || name.starts_with('-') || name.starts_with(' ')) name.erase(0, 1);
  while (name.ends_with(' ')) name.pop_back();
  return name;
}

std::string numbered(const std::string& name, int number) {
  const auto dot = name.rfind('.');
  const std::string stem = name.substr(0, dot);
  return fmt::format("{}-{}{}", stem, number, dot == std::string::npos ? "" : name.substr(dot));
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
  const auto keep = [&](std::size_t step, std::string name, const std::string& bytes, bool is_output) {
    store::File row;
    row.id = new_id();
    row.filename = name;
    for (int n = 2; !taken.insert(row.filename).second; ++n) row.filename = numbered(name, n);
    row.file_size_bytes = static_cast<std::int64_t>(bytes.size());
    row.mime_type = mime_type(row.filename);
    row.hash_sha256 = store.put_blob(bytes);
    row.workflow_execution_id = execution_id;
    row.node_id = plan.steps[step].node.id;
    row.created_at = now_us();
    row.is_output = is_output;
    rows.push_back(std::move(row));
  };
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const std::string& node = plan.steps[i].node.name;
    for (const HandedFile& file : outcome.steps[i].files) {
      std::string name = kept_name(file.name);
      if (name.empty()) name = safe_filename(node, file.label, file.suffix);
      keep(i, std::move(name), file.bytes, false);
    }
    if (outcome.steps[i].whole) keep(i, safe_filename(node, "", ".json"), *outcome.steps[i].whole, true);
  }
  return rows;
}

}  // namespace qflow::engine
