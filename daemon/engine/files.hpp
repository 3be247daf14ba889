// Outputs and handed-over files of a finished execution. Any thread.
#pragma once
#include "daemon/engine/outcome.hpp"
#include "daemon/engine/plan.hpp"
#include "daemon/store/executions.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

/// {"node name": value} of the workflow's outputs, as JSON text.
std::string outputs_json(const Plan& plan, const Outcome& outcome);

bool has_files(const Outcome& outcome);

/// Puts every handed-over file into the blob store and returns the rows to insert. Blocks.
std::vector<store::File> keep_files(const store::Store& store, const std::string& execution_id, const Plan& plan,
                                    const Outcome& outcome);

/// The name under which a node's file is kept and offered: made of the node's name from the workflow, the label and a
/// suffix from a fixed list, in [a-z0-9._-] only. What a worker said is never a path.
std::string safe_filename(const std::string& node, const std::string& label, const std::string& suffix);
std::string mime_type(const std::string& filename);

}  // namespace qflow::engine
