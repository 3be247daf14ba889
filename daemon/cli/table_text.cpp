#include "daemon/cli/table_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "daemon/base/text.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostRows = 20, kMostColumns = 20, kWidest = 40;

using Line = std::vector<std::string>;

// A cell on one line: text without quotes, a tagged value by its inside.
std::string cell(const json::value& value) {
  if (const json::object* object = value.if_object(); object != nullptr && object->contains("__type"))
    for (const char* name : {"value", "repr"})
      if (const json::value* inner = object->if_contains(name)) return cell(*inner);
  std::string text = value.is_string() ? std::string(std::string_view(value.get_string())) : schema::write_json(value);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.size() > kWidest ? std::string(cut_utf8(text, kWidest - 3)) + "…" : text;
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string aligned(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths;
  for (const Line& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], columns_of(line[i]));
    }
  std::string out;
  for (const Line& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += (i == 0 ? "  " : "  ") + std::string(widths[i] - columns_of(line[i]), ' ') + line[i];
    out += row + "\n";
  }
  return out;
}

const json::array* list_in(const json::object& object, const char* name) {
  const json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_array();
}

}  // namespace

std::optional<std::string> table_text(const json::value& value) {
  const json::object* tagged = value.if_object();
  const json::value* type = tagged == nullptr ? nullptr : tagged->if_contains("__type");
  const json::value* inner = type == nullptr || !type->is_string() ? nullptr : tagged->if_contains("value");
  if (inner == nullptr || !inner->is_object() || !type->get_string().starts_with("pandas.")) return std::nullopt;
  const json::object& table = inner->get_object();
  const json::array* index = list_in(table, "index");
  const json::array* columns = list_in(table, "columns");
  const json::array* rows = list_in(table, columns != nullptr ? "rows" : "values");
  const json::array* shape = list_in(table, "shape");
  if (index == nullptr || rows == nullptr || shape == nullptr) return std::nullopt;
  std::vector<Line> lines;
  Line header{""}, types{""};
  if (columns != nullptr) {
    const json::array* dtypes = list_in(table, "dtypes");
    for (std::size_t i = 0; i < std::min(columns->size(), kMostColumns); ++i) {
      header.push_back(cell((*columns)[i]));
      types.push_back(dtypes != nullptr && i < dtypes->size() ? cell((*dtypes)[i]) : "");
    }
  } else {
    header.push_back(table.contains("name") ? cell(table.at("name")) : "");
    types.push_back(table.contains("dtype") ? cell(table.at("dtype")) : "");
  }
  lines.push_back(std::move(header));
  lines.push_back(std::move(types));
  for (std::size_t i = 0; i < std::min(rows->size(), kMostRows); ++i) {
    Line line{i < index->size() ? cell((*index)[i]) : ""};
    const json::value& row = (*rows)[i];
    for (std::size_t c = 0; columns != nullptr && c < std::min(columns->size(), kMostColumns); ++c) {
      const json::value* one = nullptr;
      if (row.is_array() && c < row.get_array().size()) one = &row.get_array()[c];
      else if (row.is_object()) one = row.get_object().if_contains(cell((*columns)[c]));
      line.push_back(one == nullptr ? "" : cell(*one));
    }
    if (columns == nullptr) line.push_back(cell(row));
    lines.push_back(std::move(line));
  }
  const std::string dimensions = shape->size() == 2
                                     ? fmt::format("{} rows × {} columns", cell((*shape)[0]), cell((*shape)[1]))
                                     : fmt::format("{} values", shape->empty() ? "0" : cell((*shape)[0]));
  std::string out = fmt::format("{}, {}\n{}", cell(*type), dimensions, aligned(lines));
  if (rows->size() > kMostRows || (columns != nullptr && columns->size() > kMostColumns))
    out += fmt::format("  … shown are at most {} rows and {} columns; --json prints what is kept\n", kMostRows,
                       kMostColumns);
  return out;
}

}  // namespace qflow::cli
