// What `run`, `serve` and `doctor` have in common: options, the host's report, exit statuses.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/read.hpp"
#include "daemon/workers/settings.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/probe.hpp"

namespace qflow::cli {

/// Exit statuses (README, Command line).
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadInput = 2;
inline constexpr int kInterrupted = 130;

/// How far this process can confine workers. Owns the claimed part of the cgroup hierarchy: outlives pool and workers.
struct Isolation {
  sandbox::HostReport report;
  std::unique_ptr<sandbox::CgroupTree> cgroups;
  int level() const { return report.level; }
  /// The names of the mechanisms that are missing, as a JSON array.
  std::string missing() const;
};

/// $QFLOW_DATA_DIR, or qflow in $XDG_DATA_HOME or ~/.local/share.
std::string default_data_dir();
/// The defaults, the file (`path`, or the usual one when empty), the environment and the command line, in this order,
/// and the data directory settled. Throws Fault with everything that is wrong.
config::Config load_config(const std::string& path, const config::Overrides& overrides);
/// What workers get, from the configuration. Throws Fault when there is no pyhost.
workers::Settings make_settings(const config::Config& config);
/// Probes the host, claims its cgroup when that is delegated, and throws Fault(unavailable) with the remedies when all
/// that is less than `min_isolation`. Below level 2 `settings.layers` is reduced to what the host has.
Isolation require_isolation(workers::Settings& settings, int min_isolation);
/// What a worker or a workflow said, safe for a terminal: control characters other than line feeds and tabs are shown
/// as their Unicode pictures, those above ASCII and the marks that turn the direction of writing as U+FFFD.
std::string printable(std::string_view text);

}  // namespace qflow::cli
