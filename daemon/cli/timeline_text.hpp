// The timeline of an execution for a terminal. Any thread.
#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace qflow::cli {

/// A line for each run of a node, in the order of their starts: its name, a bar where it ran, how long, in which
/// branch. At most 200 lines. `record`: as GET /executions/ID gives it. `width`: columns of the terminal.
std::string timeline_text(const boost::json::value& record, std::size_t width);

}  // namespace qflow::cli
