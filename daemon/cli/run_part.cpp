#include "daemon/cli/run_part.hpp"

#include <fmt/format.h>

#include "daemon/base/text.hpp"
#include "daemon/store/execution_rows.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

constexpr std::size_t kMostPinned = 64U << 20U;

[[noreturn]] void bad(const std::string& message) { throw Fault(FaultKind::bad_input, "invalid_option", message); }

flow::json::value json_in(const std::string& path, const std::string& option) {
  std::string text;
  try {
    text = without_mark(sandbox::read_file(path, kMostPinned));
  } catch (const std::exception& error) {
    bad(fmt::format("{}: {}", option, error.what()));
  }
  std::string problem;
  flow::json::value value = schema::parse_json(text, problem, 200);
  if (!problem.empty()) bad(fmt::format("{}: {} is not JSON: {}", option, path, problem));
  return value;
}

// On a thread of the store.
flow::Pins values_of(sqlite::Db& db, const std::string& which, const std::string& flow) {
  std::string id = which;
  if (which == "last") {
    store::ExecutionQuery query;
    query.limit = 100;
    id.clear();
    for (const store::Execution& row : store::list_executions(db, query).rows)
      if (id.empty() && row.mode == "cli" && row.workflow_name == flow && row.status != "running") id = row.id;
    if (id.empty()) bad(fmt::format("--reuse last: none of the last 100 executions is of \"{}\"", flow));
  } else if (!store::find_summary(db, id)) {
    bad(fmt::format("--reuse: there is no execution {}", id));
  }
  return services::recorded_values(db, id);
}

}  // namespace

services::PartialRun read_part(const RunOptions& options, const flow::json::object& document, const std::string& name,
                               const store::Store* store) {
  services::PartialRun part;
  part.destination = options.node;
  if (options.from && !options.reuse) bad("--from needs --reuse: an execution, or last");
  for (const std::string& pin : options.pins) {
    const auto equals = pin.find('=');
    if (equals == std::string::npos || equals == 0) bad(fmt::format("--pin {}: expected NODE=FILE", pin));
    part.pins[pin.substr(0, equals)] = json_in(pin.substr(equals + 1), "--pin " + pin.substr(0, equals));
  }
  if (const auto* pins = document.if_contains("pinData"); pins != nullptr && pins->is_object())
    for (auto& [node, value] : flow::read_pins(pins->get_object())) part.pins.emplace(node, std::move(value));
  if (options.reuse && store != nullptr) {
    const auto db = store->own_reader();
    part.known = values_of(*db, *options.reuse, name);
  }
  if (options.from) part.dirty.insert(*options.from);
  return part;
}

}  // namespace qflow::cli
