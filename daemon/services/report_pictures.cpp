#include "daemon/services/report_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/base/text.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/services/report.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

constexpr int kBoxWidth = 150, kBoxHeight = 38, kGapX = 60, kGapY = 18, kMargin = 10;
constexpr std::size_t kMostDrawn = 500, kMostBars = 500;
constexpr double kTimelineWidth = 700;

std::string short_name(const std::string& name, std::size_t most) {
  return name.size() <= most ? name : std::string(cut_utf8(name, most - 3)) + "…";
}

std::map<std::string, const store::NodeExecution*> last_runs(const ExecutionRecord& record) {
  std::map<std::string, const store::NodeExecution*> out;
  for (const store::NodeExecution& row : record.nodes) out[row.node_id] = &row;
  return out;
}

const char* class_of(const store::NodeExecution* row) {
  if (row == nullptr) return "none";
  for (const char* known : {"completed", "failed", "skipped", "cancelled"})
    if (row->status == known) return known;
  return "none";
}

// Where an edge's source is not taken, or has nothing there, it carried no value.
bool carried(const flow::Node& node, const flow::Edge& edge, const store::NodeExecution* from) {
  if (from == nullptr || from->status == "skipped" || from->status == "cancelled") return false;
  if (!from->live) return true;
  const json::value live = stored_json(*from->live);
  const json::value output(flow::output_of(node, edge));
  return live.is_array() &&
         std::find(live.get_array().begin(), live.get_array().end(), output) != live.get_array().end();
}

// The layer of each node: one more than that of the nodes before it. Connections that lead back are ignored.
std::vector<int> layers_of(const flow::Graph& graph) {
  std::vector<int> layer(graph.nodes.size(), 0);
  for (std::size_t round = 0; round < std::min<std::size_t>(graph.nodes.size(), 100); ++round) {
    bool changed = false;
    for (const flow::Edge& edge : graph.edges) {
      const bool back = flow::is_loop(graph.nodes[edge.to].control) && edge.input == 1;
      if (back || layer[edge.to] > layer[edge.from] || layer[edge.from] >= 100) continue;
      layer[edge.to] = layer[edge.from] + 1;
      changed = true;
    }
    if (!changed) break;
  }
  return layer;
}

}  // namespace

std::string graph_picture(const flow::Graph& graph, const ExecutionRecord& record) {
  if (graph.nodes.empty()) return {};
  if (graph.nodes.size() > kMostDrawn)
    return fmt::format("<p>The graph has {} nodes, too many to draw.</p>", graph.nodes.size());
  const auto runs = last_runs(record);
  const auto run_of = [&](std::size_t node) {
    const auto found = runs.find(graph.nodes[node].id);
    return found == runs.end() ? nullptr : found->second;
  };
  const std::vector<int> layer = layers_of(graph);
  std::map<int, int> used;
  std::vector<std::pair<int, int>> place(graph.nodes.size());
  int width = 0, height = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    place[i] = {kMargin + layer[i] * (kBoxWidth + kGapX), kMargin + used[layer[i]]++ * (kBoxHeight + kGapY)};
    width = std::max(width, place[i].first + kBoxWidth + kMargin);
    height = std::max(height, place[i].second + kBoxHeight + kMargin);
  }
  std::string out = fmt::format(
      "<svg class=\"graph\" role=\"img\" aria-label=\"the workflow's graph\" width=\"{0}\" height=\"{1}\" viewBox=\"0 "
      "0 {0} {1}\">",
      width, height);
  for (const flow::Edge& edge : graph.edges) {
    const auto [x1, y1] = place[edge.from];
    const auto [x2, y2] = place[edge.to];
    const int from_x = x1 + kBoxWidth, from_y = y1 + kBoxHeight / 2, to_y = y2 + kBoxHeight / 2;
    const int bend = x2 > from_x ? (x2 - from_x) / 2 : kGapX;
    out += fmt::format("<path class=\"{}\" d=\"M{} {} C{} {} {} {} {} {}\"/>",
                       carried(graph.nodes[edge.from], edge, run_of(edge.from)) ? "edge" : "edge dead", from_x, from_y,
                       from_x + bend, from_y, x2 - bend, to_y, x2, to_y);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const flow::Node& node = graph.nodes[i];
    const auto [x, y] = place[i];
    const store::NodeExecution* run = run_of(i);
    std::string title = fmt::format("{} ({})", node.name, run == nullptr ? "did not run" : run->status);
    if (run != nullptr && !run->reason.empty()) title += ": " + run->reason;
    out += fmt::format(
        "<g class=\"node {}\"><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>"
        "<text x=\"{}\" y=\"{}\">{}</text></g>",
        class_of(run), escaped(title), x, y, kBoxWidth, kBoxHeight, x + 10, y + kBoxHeight / 2 + 4,
        escaped(short_name(node.name, 20)));
  }
  return out + "</svg>";
}

std::string timeline_picture(const ExecutionRecord& record) {
  std::vector<const store::NodeExecution*> bars;
  std::int64_t first = 0, last = 0;
  for (const store::NodeExecution& row : record.nodes) {
    if (!row.started_at || !row.completed_at) continue;
    first = bars.empty() ? *row.started_at : std::min(first, *row.started_at);
    last = std::max(last, *row.completed_at);
    bars.push_back(&row);
  }
  if (bars.empty()) return "<p>No node ran.</p>";
  const std::size_t all = bars.size();
  if (all > kMostBars) bars.resize(kMostBars);
  constexpr int kRow = 20, kLabel = 190, kTime = 90;
  const double span = std::max<double>(1, static_cast<double>(last - first));
  const int height = static_cast<int>(bars.size()) * kRow + 4;
  const int width = kLabel + static_cast<int>(kTimelineWidth) + kTime;
  std::string out = fmt::format(
      "<svg class=\"timeline\" role=\"img\" aria-label=\"timeline\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\">",
      width, height);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const store::NodeExecution& row = *bars[i];
    const int y = static_cast<int>(i) * kRow;
    const double x = kLabel + kTimelineWidth * static_cast<double>(*row.started_at - first) / span;
    const double length =
        std::max(2.0, kTimelineWidth * static_cast<double>(*row.completed_at - *row.started_at) / span);
    std::string label = short_name(row.node_name, 22);
    if (row.loop_index) label += " " + short_name(*row.loop_index, 12);
    if (row.retry_count > 0) label += fmt::format(" try {}", row.retry_count + 1);
    out += fmt::format(
        "<g class=\"bar {}{}\"><text x=\"0\" y=\"{}\">{}</text><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" "
        "height=\"{}\" rx=\"2\"/>"
        "<text x=\"{:.1f}\" y=\"{}\">{}{}</text></g>",
        class_of(&row), row.branch > 0 ? " branch" : "", y + 14, escaped(label), x, y + 3, length, kRow - 6,
        std::min(x + length + 6, kLabel + kTimelineWidth), y + 14, time_text(row.duration_ms.value_or(0)),
        row.branch > 0 ? fmt::format(" · branch {}", row.branch) : "");
  }
  out += "</svg>";
  if (all > kMostBars) out += fmt::format("<p>The first {} of {} runs.</p>", kMostBars, all);
  return out;
}

}  // namespace qflow::services
