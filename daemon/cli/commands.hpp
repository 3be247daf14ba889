// The commands of `qflow`. Each returns the process's exit status; Faults are caught in main().
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/runtime.hpp"

namespace qflow::cli {

struct RunOptions {
  std::string flow;
  std::vector<std::string> inputs;  ///< NAME=VALUE, NAME=@FILE
  std::string input_file;
  std::optional<std::string> node;
  std::optional<std::string> python;
  bool json = false;
  bool quiet = false;
};
/// Runs one workflow in this process, without a server. 0, 1 (a node failed), 2 (bad input), 130 (interrupted).
int run(const Common& common, const RunOptions& options);

struct ServeOptions {
  std::string listen = "127.0.0.1:8000";
  unsigned max_running = 0;  ///< 0: four for each core, at least eight
  std::uint64_t max_body_mib = 16;
  double drain_seconds = 10;
};
/// Serves HTTP until SIGTERM or SIGINT.
int serve(const Common& common, const ServeOptions& options);

/// Prints what this host gives, or with `policy` what a node may do. 1 when code would be refused.
int doctor(const Common& common, bool json, bool policy);

}  // namespace qflow::cli
