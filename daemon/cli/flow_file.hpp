// Reads a workflow's file for `qflow run` and `qflow check`, and the files next to it that its nodes name.
#pragma once
#include <boost/json/value.hpp>

#include <filesystem>
#include <string>

#include "daemon/base/fault.hpp"
#include "daemon/cli/watched_files.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::cli {
namespace json = boost::json;

/// Fault(bad_input).
Fault bad_flow(std::string code, std::string message);
/// A whole file, at most 256 MiB. Throws Fault(bad_input); `what` names the kind of file in the message.
std::string read_text(const std::string& path, const std::string& what);
/// Throws Fault(bad_input) with the position where the text is not JSON.
json::value parse_file(const std::string& path, const std::string& what);
/// A flow with everything beside it that it needs.
struct LocalFlow {
  json::object document;            ///< with the code of the files that nodes name, and with `modules`
  std::string name;                 ///< the file's, for a flow without one
  std::string text;                 ///< as it was read
  std::filesystem::path directory;  ///< of the flow; the working directory for standard input
};
/// `path`: "-" for standard input. Puts the files that nodes name into their code, and the modules that they import
/// and that lie beside the flow (helpers.py, pkg/) into `modules`; only files below the flow's directory, so that a
/// flow from elsewhere cannot read the home directory. `watched`, where given, learns of every file before it is read.
/// Throws Fault(bad_input).
LocalFlow read_flow(const std::string& path, WatchedFiles* watched = nullptr);
/// Throws Fault(bad_input) for members that are nearly ones that the flow may have.
void refuse_misspelt(const LocalFlow& flow);
/// Loads the files that nodes name into their code; only files below `directory`, so that a flow from elsewhere cannot
/// read the home directory. Throws Fault(bad_input).
void read_node_files(flow::Graph& graph, const std::filesystem::path& directory, WatchedFiles* watched = nullptr);
/// The line, counted from 1, where the value at a JSON pointer begins in `text`, or the nearest value around it.
std::size_t line_of(const std::string& text, const std::string& pointer);

}  // namespace qflow::cli
