// `qflow check`. Returns the exit status of the process; main() catches Faults.
#pragma once
#include <optional>
#include <string>

#include "daemon/config/config.hpp"

namespace qflow::cli {

struct CheckOptions {
  std::string flow;
  std::optional<std::string> python;
  bool json = false;
  bool strict = false;
};
/// Prints the errors and warnings of a workflow without running it. 0, 1 (errors), 2 (unreadable).
int check(const config::Config& config, const CheckOptions& options);

}  // namespace qflow::cli
