#include "daemon/cli/timeline_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "daemon/base/text.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/cli/runtime.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostLines = 200, kName = 24;

struct Bar {
  std::string name, note;
  double begun = 0, took = 0;  // milliseconds
  std::int64_t order = 0;
};

std::string note_of(const json::object& own) {
  std::string out;
  if (const json::value* index = own.if_contains("loop_index"); index != nullptr && index->is_array())
    out += " round " + schema::write_json(*index);
  if (const json::value* tries = own.if_contains("retry_count");
      tries != nullptr && tries->is_int64() && tries->get_int64() > 0)
    out += fmt::format(" try {}", tries->get_int64() + 1);
  if (const json::value* branch = own.if_contains("branch"); branch != nullptr && branch->is_int64())
    out += fmt::format(" branch {}", branch->get_int64());
  if (const json::value* status = own.if_contains("status"); status != nullptr && *status != json::value("completed"))
    out += " " + std::string(std::string_view(status->as_string()));
  return out;
}

std::vector<Bar> bars_of(const json::value& record) {
  std::vector<Bar> bars;
  for (const auto& [name, runs] : record.at("data").at("resultData").at("runData").as_object())
    for (const json::value& run : runs.as_array()) {
      const json::object& own = run.at("qflow").as_object();
      if (own.at("status") == json::value("skipped")) continue;
      bars.push_back({std::string(name), note_of(own), run.at("startTime").to_number<double>(),
                      run.at("executionTime").to_number<double>(), run.at("executionIndex").to_number<std::int64_t>()});
    }
  std::sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) { return a.order < b.order; });
  return bars;
}

}  // namespace

std::string timeline_text(const json::value& record, std::size_t width) {
  std::vector<Bar> bars = bars_of(record);
  if (bars.empty()) return "No node ran.\n";
  double first = bars.front().begun, last = 0;
  for (const Bar& bar : bars) {
    first = std::min(first, bar.begun);
    last = std::max(last, bar.begun + bar.took);
  }
  const double span = std::max(last - first, 0.001);
  const std::size_t columns = std::clamp<std::size_t>(width, 60, 160) - kName - 14;
  const auto at = [&](double time) {
    return std::min(columns, static_cast<std::size_t>((time - first) / span * static_cast<double>(columns)));
  };
  std::string out;
  for (std::size_t i = 0; i < std::min(bars.size(), kMostLines); ++i) {
    const Bar& bar = bars[i];
    const std::string shown =
        printable(bar.name.size() > kName - 2 ? std::string(cut_utf8(bar.name, kName - 4)) + "…" : bar.name);
    const std::size_t from = std::min(at(bar.begun), columns - 1), to = std::max(from + 1, at(bar.begun + bar.took));
    std::string line(from, ' ');
    for (std::size_t c = from; c < to; ++c) line += "█";
    line += std::string(columns - to, ' ');
    out += fmt::format("{:<{}}{} {:>10}{}\n", shown, kName, line, duration_text(bar.took), printable(bar.note));
  }
  if (bars.size() > kMostLines) out += fmt::format("… the first {} of {} runs\n", kMostLines, bars.size());
  return out;
}

}  // namespace qflow::cli
