#include "daemon/services/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/base/base64.hpp"
#include "daemon/base/json_text.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/report_pictures.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::services {
namespace {

constexpr std::size_t kMostNodes = 300;        // sections
constexpr std::size_t kMostText = 64U << 10U;  // bytes of one value or stream
constexpr std::size_t kMostRows = 50, kMostColumns = 20;
constexpr std::int64_t kMostPicture = 4 << 20;    // bytes of one file
constexpr std::int64_t kMostPictures = 24 << 20;  // and of all

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--ok:#2e7d4f;--bad:#b3261e;--dim:#888;--line:#8886}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;font-size:.9em;display:block;overflow-x:auto}
td,th{border:1px solid var(--line);padding:.15rem .5rem;text-align:left;vertical-align:top;max-width:30rem;overflow-wrap:anywhere}
pre{background:#8881;padding:.6rem;overflow:auto;max-height:30rem;unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:anywhere}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.3rem .8rem}
iframe{width:100%;height:20rem;border:1px solid var(--line);background:#fff}summary{cursor:pointer}.scroll{overflow-x:auto}img{max-width:100%}
.s{font-weight:600}.completed .s,.s.completed{color:var(--ok)}.failed .s,.s.failed,.s.crashed{color:var(--bad)}.dim{color:var(--dim)}
svg text{font:12px system-ui,sans-serif;fill:currentColor}
.node rect{fill:#8881;stroke:var(--dim)}.node.completed rect{stroke:var(--ok);fill:#2e7d4f22}.node.failed rect{stroke:var(--bad);fill:#b3261e22}
.node.skipped rect{stroke-dasharray:4 3}.edge{fill:none;stroke:currentColor;stroke-width:1.5}.edge.dead{stroke-dasharray:4 4;stroke:var(--dim)}
.bar rect{fill:#4a78b5}.bar.failed rect{fill:var(--bad)}.bar.branch rect{fill:#8a5fb5}.bar.cancelled rect{fill:var(--dim)}
.here{background:#b3261e33;display:block}
)";

std::string limited(std::string_view text, std::size_t most = kMostText) {
  if (text.size() <= most) return escaped(text);
  return escaped(cut_utf8(text, most)) + fmt::format("\n… the first {} of {} bytes", most, text.size());
}

// The cells of a table: a list of objects with the same kind of members, or what the record has of a DataFrame.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<const json::value*>> rows;
  std::size_t all_rows = 0;
};

void add_frame(const json::object& inner, Table& out) {
  const auto list = [&](const char* name) -> const json::array* {
    const json::value* found = inner.if_contains(name);
    return found == nullptr ? nullptr : found->if_array();
  };
  const json::array* columns = list("columns");
  const json::array* rows = list("rows");
  if (columns == nullptr || rows == nullptr) return;
  for (const json::value& one : *columns) {
    const json::value* name = one.is_object() ? one.get_object().if_contains("name") : &one;
    out.columns.push_back(name != nullptr && name->is_string() ? std::string(std::string_view(name->get_string()))
                                                               : schema::write_json(one));
  }
  for (const json::value& row : *rows) {
    out.rows.emplace_back();
    if (row.is_array())
      for (const json::value& cell : row.get_array()) out.rows.back().push_back(&cell);
  }
  out.all_rows = out.rows.size();
  if (const json::array* shape = list("shape"); shape != nullptr && !shape->empty())
    if (const std::int64_t* in_all = shape->front().if_int64(); in_all != nullptr && *in_all >= 0)
      out.all_rows = static_cast<std::size_t>(*in_all);
}

Table table_of(const json::value& value) {
  Table out;
  if (const json::object* tagged = value.if_object()) {
    const json::value* inner = tagged->contains("__type") ? tagged->if_contains("value") : nullptr;
    if (inner != nullptr && inner->is_object()) add_frame(inner->get_object(), out);
    return out;
  }
  const json::array* list = value.if_array();
  if (list == nullptr || list->empty()) return out;
  std::set<std::string> known;
  for (const json::value& row : *list) {
    if (!row.is_object() || row.get_object().contains("__type")) return {};
    for (const auto& [key, cell] : row.get_object())
      if (known.insert(std::string(key)).second) out.columns.emplace_back(key);
    if (out.columns.size() > 100) return {};
  }
  for (const json::value& row : *list) {
    out.rows.emplace_back();
    for (const std::string& column : out.columns) out.rows.back().push_back(row.get_object().if_contains(column));
    if (out.rows.size() > kMostRows) break;
  }
  out.all_rows = list->size();
  return out;
}

std::string cell_text(const json::value* value) {
  if (value == nullptr) return "";
  const std::string text =
      value->is_string() ? std::string(std::string_view(value->get_string())) : schema::write_json(*value);
  return limited(text, 500);
}

std::string table_html(const Table& table) {
  std::string out = "<table><tr>";
  const std::size_t columns = std::min(table.columns.size(), kMostColumns);
  for (std::size_t c = 0; c < columns; ++c) out += "<th>" + limited(table.columns[c], 200) + "</th>";
  out += "</tr>";
  const std::size_t rows = std::min(table.rows.size(), kMostRows);
  for (std::size_t r = 0; r < rows; ++r) {
    out += "<tr>";
    for (std::size_t c = 0; c < columns; ++c)
      out += "<td>" + (c < table.rows[r].size() ? cell_text(table.rows[r][c]) : "") + "</td>";
    out += "</tr>";
  }
  out += "</table>";
  if (table.all_rows > rows || table.columns.size() > columns)
    out += fmt::format("<p class=\"dim\">{} of {} rows, {} of {} columns</p>", rows, table.all_rows, columns,
                       table.columns.size());
  return out;
}

std::string value_html(const std::optional<std::string>& text, bool cut) {
  if (!text) return {};
  const json::value value = stored_json(*text);
  const Table table = table_of(value);
  std::string out = table.rows.empty() ? "<pre>" + limited(indented(value)) + "</pre>" : table_html(table);
  if (cut) out += "<p class=\"dim\">Only a part of the value is in the record.</p>";
  return out;
}

class Page {
 public:
  Page(const ExecutionRecord& record, const std::string& document, const FileReader& read)
      : record_(record), read_(read) {
    const json::value parsed = document.empty() ? json::value() : stored_json(document);
    json::array problems;
    if (parsed.is_object()) graph_ = flow::read_workflow(parsed.get_object(), problems);
  }

  std::string make() {
    const store::Execution& e = record_.execution;
    std::string out =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\">";
    out += fmt::format("<title>{} · {}</title><style>{}</style></head><body>", escaped(e.workflow_name),
                       escaped(e.status), kStyle);
    out += fmt::format(
        "<h1><bdi>{}</bdi></h1><p><span class=\"s {}\">{}</span> · started {} · {} · Python {} · execution {}</p>",
        escaped(e.workflow_name), escaped(e.status), escaped(e.status), iso_time(e.started_at),
        e.duration_ms ? time_text(*e.duration_ms) : "not over", escaped(e.python_version), escaped(e.id));
    if (e.error_message) out += "<pre>" + limited(*e.error_message) + "</pre>";
    if (const std::string drawn = graph_picture(graph_, record_); !drawn.empty())
      out += "<h2>Path</h2><div class=\"scroll\">" + drawn + "</div>";
    out += "<h2>Timeline</h2><div class=\"scroll\">" + timeline_picture(record_) + "</div><h2>Nodes</h2>";
    std::size_t shown = 0;
    for (const store::NodeExecution& row : record_.nodes) {
      if (++shown > kMostNodes) break;
      out += section(row);
    }
    if (record_.nodes.size() > kMostNodes)
      out += fmt::format("<p class=\"dim\">The first {} of {} runs.</p>", kMostNodes, record_.nodes.size());
    return out + "</body></html>\n";
  }

 private:
  std::string section(const store::NodeExecution& row) {
    std::string out = fmt::format(
        "<details class=\"{}\"{}><summary><b><bdi>{}</bdi></b> <span class=\"s\">{}</span> <span class=\"dim\">{}",
        escaped(row.status), row.status == "failed" ? " open" : "", escaped(row.node_name), escaped(row.status),
        row.duration_ms ? time_text(*row.duration_ms) : "");
    if (row.loop_index) out += " · round " + escaped(*row.loop_index);
    if (row.retry_count > 0) out += fmt::format(" · try {}", row.retry_count + 1);
    if (row.branch > 0) out += fmt::format(" · branch {}", row.branch);
    if (row.output_type) out += " · " + limited(*row.output_type, 200);
    out += "</span></summary>";
    if (!row.reason.empty()) out += "<p>" + limited(row.reason, 1000) + "</p>";
    if (row.error_type) out += error_html(row);
    if (row.warnings) out += "<p>Notes</p><pre>" + limited(indented(stored_json(*row.warnings))) + "</pre>";
    if (row.denied) out += "<p>Denied</p><pre>" + limited(indented(stored_json(*row.denied))) + "</pre>";
    if (row.input_data) out += "<p>Inputs</p><pre>" + limited(indented(stored_json(*row.input_data))) + "</pre>";
    if (row.output_data) out += "<p>Output</p>" + value_html(row.output_data, row.output_truncated.value_or(false));
    if (row.told) out += told_html(stored_json(*row.told));
    out += pictures(row.node_id);
    for (const auto& [name, text] :
         {std::pair("Standard output", &row.standard_output), std::pair("Standard error", &row.standard_error)})
      if (!text->empty()) out += fmt::format("<p>{}</p><pre>{}</pre>", name, limited(*text));
    if (row.left_out > 0) out += fmt::format("<p class=\"dim\">{} bytes are left out here.</p>", row.left_out);
    return out + "</details>";
  }

  // What it told by `import qflow`.
  std::string told_html(const json::value& told) {
    std::string out;
    if (const json::value* log = told.as_object().if_contains("log")) {
      out += "<p>Log</p><pre>";
      for (const json::value& line : log->as_array()) {
        std::string text = std::string(line.at("level").as_string()) + ": " + std::string(line.at("text").as_string());
        for (const auto& [name, value] : line.at("fields").as_object())
          text += " " + std::string(name) + "=" + schema::write_json(value);
        out += limited(text, 4000) + "\n";
      }
      out += "</pre>";
    }
    if (const json::value* display = told.as_object().if_contains("display"))
      for (const json::value& one : display->as_array()) out += shown_html(one.as_object());
    if (const json::value* state = told.as_object().if_contains("state"))
      out += "<p>Changed in qflow.state</p><pre>" + limited(indented(*state)) + "</pre>";
    return out;
  }

  // A picture as a picture; HTML in a frame where nothing runs; else text.
  std::string shown_html(const json::object& shown) {
    const json::object& data = shown.at("data").as_object();
    const auto text_of = [&](const char* mime) {
      const json::value* found = data.if_contains(mime);
      return found == nullptr ? std::string() : std::string(found->as_string());
    };
    std::string out;
    if (const json::value* left = shown.if_contains("left_out"))
      out += "<p class=\"dim\">" + limited(std::string_view(left->as_string())) + "</p>";
    for (const char* mime : {"image/png", "image/jpeg", "image/svg+xml"}) {
      const std::string text = text_of(mime);
      const auto size = static_cast<std::int64_t>(text.size());
      if (text.empty() || pictured_ + size > kMostPictures) continue;
      const bool svg = mime == std::string_view("image/svg+xml");
      if (!svg && !from_base64(text)) continue;
      pictured_ += size;
      return out + fmt::format("<img alt=\"shown\" src=\"data:{};base64,{}\">", mime, svg ? base64(text) : text);
    }
    if (const std::string html = text_of("text/html"); !html.empty() && html.size() <= kMostText * 4)
      return out + "<iframe sandbox srcdoc=\"" + escaped(html) + "\"></iframe>";
    const std::string plain = text_of("text/plain");
    return plain.empty() ? out : out + "<pre>" + limited(plain) + "</pre>";
  }

  std::string error_html(const store::NodeExecution& row) const {
    std::string out = "<pre>" + limited(*row.error_type + ": " + row.error_message.value_or("")) + "</pre>";
    out += code_line(row);
    if (row.error_stack_trace)
      out += "<details><summary>Traceback</summary><pre>" + limited(*row.error_stack_trace) + "</pre></details>";
    return out;
  }

  // The line of the node's code, with two before and after it.
  std::string code_line(const store::NodeExecution& row) const {
    const auto node = std::find_if(graph_.nodes.begin(), graph_.nodes.end(),
                                   [&](const flow::Node& n) { return n.id == row.node_id; });
    if (!row.error_line || node == graph_.nodes.end() || node->code.empty()) return {};
    std::string out = "<pre>";
    std::int64_t number = 1;
    bool any = false;
    for (std::string_view rest = node->code; !rest.empty(); ++number) {
      const auto end = std::min(rest.find('\n'), rest.size());
      if (number >= *row.error_line - 2 && number <= *row.error_line + 2) {
        const std::string line = fmt::format("{:>4}  {}\n", number, limited(rest.substr(0, end), 400));
        out += number == *row.error_line ? "<span class=\"here\">" + line + "</span>" : line;
        any = true;
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return any ? out + "</pre>" : "";
  }

  // Files that a browser shows without running anything in them; SVG is shown as an image, where scripts do not run.
  std::string pictures(const std::string& node_id) {
    std::string out;
    if (!told_.insert(node_id).second) return out;
    for (const store::File& file : record_.files) {
      if (file.node_id != node_id) continue;
      const bool picture =
          file.mime_type == "image/png" || file.mime_type == "image/jpeg" || file.mime_type == "image/svg+xml";
      out += fmt::format("<p class=\"dim\"><bdi>{}</bdi> · {} · {} bytes</p>", escaped(file.filename),
                         escaped(file.mime_type), file.file_size_bytes);
      if (!picture || file.file_size_bytes > kMostPicture || pictured_ + file.file_size_bytes > kMostPictures) continue;
      const std::string bytes = read_(file);
      if (bytes.empty()) continue;
      pictured_ += file.file_size_bytes;
      out += fmt::format("<img alt=\"{}\" src=\"data:{};base64,{}\">", escaped(file.filename), file.mime_type,
                         base64(bytes));
    }
    return out;
  }

  const ExecutionRecord& record_;
  const FileReader& read_;
  flow::Graph graph_;
  std::set<std::string> told_;
  std::int64_t pictured_ = 0;
};

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : to_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default: {
        const auto u = static_cast<unsigned char>(c);
        if ((u < 0x20 && c != '\n' && c != '\t') || u == 0x7f) out += "\xEF\xBF\xBD";  // U+FFFD
        else out += c;
      }
    }
  }
  return out;
}

std::string time_text(double milliseconds) {
  if (milliseconds < 1) return fmt::format("{:.0f} µs", milliseconds * 1000);
  if (milliseconds < 1000) return fmt::format("{:.1f} ms", milliseconds);
  if (milliseconds < 120'000) return fmt::format("{:.1f} s", milliseconds / 1000);
  return fmt::format("{:.1f} min", milliseconds / 60'000);
}

std::string report_html(const ExecutionRecord& record, const std::string& document, const FileReader& read) {
  return Page(record, document, read).make();
}

}  // namespace qflow::services
