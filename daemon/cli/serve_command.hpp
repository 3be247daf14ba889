// `qflow serve`. Returns the exit status of the process; main() catches Faults.
#pragma once
#include <functional>

#include "daemon/config/config.hpp"

namespace qflow::cli {

/// Serves HTTP until SIGTERM or SIGINT. `reload` builds the configuration again, on SIGHUP.
int serve(const config::Config& config, std::function<config::Config()> reload);

}  // namespace qflow::cli
