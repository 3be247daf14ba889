// `qflow run`. Returns the exit status of the process; main() catches Faults.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace qflow::cli {

struct RunOptions {
  std::string flow;                 ///< a path, or "-" for standard input
  std::vector<std::string> inputs;  ///< NAME=VALUE, NAME=@FILE
  std::string input_file;
  std::string report;  ///< a file for the execution as a page of HTML; empty: none
  std::string out;     ///< the directory for the files that nodes hand over; empty: below the data directory
  std::optional<std::string> node;
  std::optional<std::string> from;   ///< run this node and what follows; the others as `reuse` says
  bool no_cache = false;             ///< every value is made anew
  std::optional<std::string> reuse;  ///< an execution whose values are used again, or "last"
  std::vector<std::string> pins;     ///< NODE=FILE: the node does not run, the file has its value as JSON
  std::optional<std::string> python;
  bool json = false;
  bool quiet = false;
  bool watch = false;  ///< run again whenever a file that the run has read changes, until interrupted
};
/// Runs one workflow in this process, without a server. 0, 1 (a node failed), 2 (bad input), 130 (interrupted).
int run(const config::Config& config, const RunOptions& options);

}  // namespace qflow::cli
