// Reads a workflow's file for `qflow run` and `qflow check`, and the files next to it that its nodes name.
#pragma once
#include <boost/json/value.hpp>

#include <filesystem>
#include <string>

#include "daemon/base/fault.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::cli {
namespace json = boost::json;

/// Fault(bad_input).
Fault bad_flow(std::string code, std::string message);
/// A whole file, at most 256 MiB. Throws Fault(bad_input); `what` names the kind of file in the message.
std::string read_text(const std::string& path, const std::string& what);
/// Throws Fault(bad_input) with the position where the text is not JSON.
json::value parse_file(const std::string& path, const std::string& what);
/// Loads the files that nodes name into their code; only files below `directory`, so that a flow from elsewhere cannot
/// read the home directory. Throws Fault(bad_input).
void read_node_files(flow::Graph& graph, const std::filesystem::path& directory);
/// The line, counted from 1, where the value at a JSON pointer begins in `text`, or the nearest value around it.
std::size_t line_of(const std::string& text, const std::string& pointer);

}  // namespace qflow::cli
