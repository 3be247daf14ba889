// What is different in the outcome of a workflow that ran again: for `qflow run --watch`. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace qflow::cli {

/// Both are reports as RunReport::json() has them. One line for each node that came, went, ended otherwise or gave
/// another value; empty: all is as before. Not made safe for a terminal.
std::vector<std::string> run_changes(const boost::json::object& before, const boost::json::object& after);

}  // namespace qflow::cli
