// The files that the nodes of an execution have handed over, kept as blobs. Any thread.
#pragma once
#include "daemon/engine/outcome.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

bool has_files(const Outcome& outcome);

/// Puts every handed-over file, and every output that is kept whole, into the blob store and returns the rows to
/// insert. Blocks.
std::vector<store::File> keep_files(const store::Store& store, const std::string& execution_id, const flow::Plan& plan,
                                    const Outcome& outcome);

/// The name under which a node's file is kept and offered: made of the node's name from the workflow, the label and a
/// suffix from a fixed list, in [a-z0-9._-] only: for a file without a name of its own.
std::string safe_filename(const std::string& node, const std::string& label, const std::string& suffix);
/// A worker's own name for a file, made safe: no separators, no control characters, no leading dot or dash; empty when
/// nothing is left. It names a blob for people and is a path only below a directory of ours.
std::string kept_name(const std::string& own);
/// "plot.png", 2 → "plot-2.png".
std::string numbered(const std::string& name, int number);
std::string mime_type(const std::string& filename);

}  // namespace qflow::engine
