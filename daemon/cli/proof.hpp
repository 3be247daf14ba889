// Whether code runs here: for `qflow doctor`. One thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/workers/pool_settings.hpp"

namespace qflow::cli {

struct Proof {
  std::string version;
  std::string pyhost;
  bool runs = false;
  std::string detail;  ///< what the line said, or why it did not run
};

/// Starts each Python of `settings` in the sandbox, as the calling user or as root's zygotes' user, and runs one line
/// of code. Nothing is recorded. A Python that does not start is a result, not an exception.
std::vector<Proof> prove_pythons(const workers::Settings& settings, int isolation_level);

}  // namespace qflow::cli
