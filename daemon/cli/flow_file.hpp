// A workflow's file as `qflow run` and `qflow check` read it, with the files beside it that its nodes name.
#pragma once
#include <boost/json/value.hpp>

#include <filesystem>
#include <string>

#include "daemon/engine/graph.hpp"
#include "daemon/fault.hpp"

namespace qflow::cli {
namespace json = boost::json;

/// Fault(bad_input).
Fault bad_flow(std::string code, std::string message);
/// The whole of a file, at most 256 MiB. Throws Fault(bad_input) that names `what` it is.
std::string read_text(const std::string& path, const std::string& what);
/// Throws Fault(bad_input) with the place where it is no JSON.
json::value parse_file(const std::string& path, const std::string& what);
/// Puts the text of the files that nodes name into their code; those below `directory` only, so that a flow from
/// elsewhere cannot read the home. Throws Fault(bad_input).
void read_node_files(engine::Graph& graph, const std::filesystem::path& directory);
/// The line, from 1, on which the value at a JSON pointer begins in `text`, or the nearest value around it.
std::size_t line_of(const std::string& text, const std::string& pointer);

}  // namespace qflow::cli
