// `qflow doctor`. Returns the exit status of the process; main() catches Faults.
#pragma once
#include "daemon/config/config.hpp"

namespace qflow::cli {

/// Prints this host's sandbox mechanisms, or with `policy` what a node may do. 1 when code would be refused.
int doctor(const config::Config& config, bool json, bool policy);

}  // namespace qflow::cli
