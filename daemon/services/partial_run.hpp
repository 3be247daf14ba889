// Running a part of a workflow with values that are there already: pinned data, an earlier execution's. Any thread, but
// where it says otherwise.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "daemon/engine/order.hpp"
#include "daemon/flow/pins.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// What part of a workflow is to run.
struct PartialRun {
  std::optional<std::string> destination;   ///< this node, by name or id, and what it needs; nothing: all
  flow::Pins pins;                          ///< nodes that never run
  flow::Pins known;                         ///< values of an earlier execution, used where nothing before them is dirty
  std::set<std::string> dirty;              ///< nodes that have changed
  std::map<std::string, std::string> seen;  ///< nodes, and the executions in whose records the caller has their values
  std::optional<std::string> reuse;         ///< an execution, or "last": every value that there is of it
  bool reuse_latest = false;                ///< it was "last": also values that it was made from, of executions before
  bool is_whole() const { return !destination && pins.empty() && known.empty(); }
  /// Whether live values of an earlier execution may be used.
  bool may_use_kept() const { return destination && (reuse || !seen.empty()); }
};

/// What stays as it is: the pins, and of `known` what no dirty node comes before.
flow::Pins settled_pins(const flow::Graph& graph, const PartialRun& part);
/// Plans the part into `order`; with `order.kept`, whose values it uses where it can, or which it lets go. Throws
/// Fault(bad_input) as flow::make_plan() and flow::pins_of() do.
void plan_part(const flow::Graph& graph, const workers::Settings& settings, const PartialRun& part,
               engine::Order& order);
/// The document with the part, so that another process could run it; and the part of such a document.
std::string document_with_part(const std::string& document, const flow::Graph& graph, const PartialRun& part);
PartialRun part_in(const json::object& document);
/// What an execution has recorded exactly: of nodes that completed, not in a loop. On a thread of the store.
flow::Pins recorded_values(sqlite::Db& db, const std::string& execution_id);
/// The execution by hand of the workflow that began last and has ended; nothing: none of the last 100 is one. On a
/// thread of the store.
std::optional<std::string> last_execution(sqlite::Db& db, const std::string& workflow_id);
/// The nodes in what an editor has of executions (runData), with the execution in whose record each value is.
std::map<std::string, std::string> seen_in_run_data(const json::object& run_data);
/// The values in what an editor has of an execution (runData): of each node the last run, unless it failed.
flow::Pins values_in_run_data(const json::object& run_data);

}  // namespace qflow::services
