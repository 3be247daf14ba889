// What `run`, `serve` and `doctor` have in common: options, the host's report, exit statuses.
#pragma once
#include <string>

#include "daemon/workers/settings.hpp"
#include "sandbox/probe.hpp"

namespace qflow::cli {

/// Exit statuses (README, Command line).
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadInput = 2;
inline constexpr int kInterrupted = 130;

/// Options that every command takes.
struct Common {
  std::string data_dir;
  std::string pyhost_dir;
  int min_isolation = 2;
  double timeout = 30;  ///< seconds a node
  std::uint64_t memory_mib = 512;
};

/// $QFLOW_DATA_DIR, or qflow in $XDG_DATA_HOME or ~/.local/share.
std::string default_data_dir();
/// The installation's settings from the options. Throws Fault when there is no pyhost.
workers::Settings make_settings(const Common& common);
/// Probes the host and throws Fault(unavailable) with the remedies when it gives less than `min_isolation`.
/// Below level 2 `settings.layers` is reduced to what the host has.
sandbox::HostReport require_isolation(workers::Settings& settings, int min_isolation);
/// The level that executions run at here: what the host gives, as far as this release uses it.
int used_level(const sandbox::HostReport& report);
/// What a worker or a workflow said, safe for a terminal: control characters other than line feeds and tabs are shown
/// as their Unicode pictures, those above ASCII and the marks that turn the direction of writing as U+FFFD.
std::string printable(std::string_view text);

}  // namespace qflow::cli
