// What `run`, `serve` and `doctor` have in common: options, the host's report, exit statuses.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/workers/settings.hpp"
#include "sandbox/cgroup.hpp"
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
  double cpu = 0.5;                ///< processors of one execution
  std::uint64_t tmp_mib = 64;      ///< each of /tmp, /dev/shm and /node
  std::uint32_t processes = 64;
  bool allow_network = false;      ///< what workflows may ask for beyond the default
  bool allow_programs = false;
  std::vector<std::string> share;  ///< directories shown to every node, read-only
};

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
/// The installation's settings from the options. Throws Fault when there is no pyhost.
workers::Settings make_settings(const Common& common);
/// Probes the host, claims its cgroup when that is delegated, and throws Fault(unavailable) with the remedies when all
/// that is less than `min_isolation`. Below level 2 `settings.layers` is reduced to what the host has.
Isolation require_isolation(workers::Settings& settings, int min_isolation);
/// What a worker or a workflow said, safe for a terminal: control characters other than line feeds and tabs are shown
/// as their Unicode pictures, those above ASCII and the marks that turn the direction of writing as U+FFFD.
std::string printable(std::string_view text);

}  // namespace qflow::cli
