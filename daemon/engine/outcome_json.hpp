// Outcomes as JSON: for the record, the API and `qflow run --json`. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <string_view>

#include "daemon/base/fault.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/flow/plan.hpp"

namespace qflow::engine {

/// {user_us, system_us, peak_memory_bytes, minor_faults, major_faults, written_bytes}
json::object usage_json(const workers::Usage& usage);
/// As Python calls the type of a JSON text, which is valid.
const char* json_type(std::string_view text);
/// {network, memory, cpu, tmp, processes, programs}: what a sandbox grants.
json::object sandbox_text(const workers::Sandbox& sandbox);
/// {log, display, execution, state}, without the members that are empty.
json::object told_json(const Told& told);
/// [{act, reason, setting}]
json::array denied_json(const std::vector<sandbox::Denial>& denied);
/// [{network, memory, cpu, tmp, processes, programs, nodes: [...]}]: each sandbox with the names of its nodes.
json::array sandboxes_json(const flow::Plan& plan);

/// {"node name": value} of the workflow's outputs, as JSON text.
std::string outputs_json(const flow::Plan& plan, const Outcome& outcome);

}  // namespace qflow::engine
