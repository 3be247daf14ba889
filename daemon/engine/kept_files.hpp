// The files that the nodes of an execution have handed over, kept as blobs. Any thread.
#pragma once
#include "daemon/engine/outcome.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

bool has_files(const Outcome& outcome);

/// Puts every handed-over file into the blob store and returns the rows to insert. Blocks.
std::vector<store::File> keep_files(const store::Store& store, const std::string& execution_id, const flow::Plan& plan,
                                    const Outcome& outcome);

/// The name under which a node's file is kept and offered: made of the node's name from the workflow, the label and a
/// suffix from a fixed list, in [a-z0-9._-] only. A worker's text is never used as a path.
std::string safe_filename(const std::string& node, const std::string& label, const std::string& suffix);
std::string mime_type(const std::string& filename);

}  // namespace qflow::engine
