// Shared by `run`, `serve` and `doctor`: options, the host's report, exit statuses.
#pragma once
#include <boost/json/value.hpp>

#include <memory>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/read.hpp"
#include "daemon/workers/pool_settings.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/probe.hpp"

namespace qflow::cli {

/// Exit statuses (README, Command line).
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadInput = 2;
inline constexpr int kInterrupted = 130;

/// How strongly this process can confine workers. Owns the claimed cgroups, so it must outlive pool and workers.
struct Isolation {
  sandbox::HostReport report;
  std::unique_ptr<sandbox::CgroupTree> cgroups;
  int level() const { return report.level; }
  /// The names of the missing mechanisms, as a JSON array.
  std::string missing() const;
};

/// $QFLOW_DATA_DIR, or qflow in $XDG_DATA_HOME or ~/.local/share.
std::string default_data_dir();
/// Applies the defaults, the file (`path`, or the default file when empty), the environment and the command line, in
/// this order, and sets the data directory. Throws Fault with everything that is wrong.
config::Config load_config(const std::string& path, const config::Overrides& overrides);
/// The workers' settings, from the configuration. Throws Fault when there is no pyhost.
workers::Settings make_settings(const config::Config& config);
/// Takes the virtual environment that is active in the shell, unless another is named. Returns a line for people that
/// says so, or why it is not used; empty: none is active.
std::string use_active_venv(config::Config& config);
/// Probes the host, claims its cgroup when it is delegated, and throws Fault(unavailable) with the remedies when the
/// level is below `min_isolation`. Below level 2, reduces `settings.layers` to what the host has.
Isolation require_isolation(workers::Settings& settings, int min_isolation);
/// Writes a whole file or nothing: beside it first, then in its place. Throws Fault that names it.
void replace_file(const std::string& path, std::string_view bytes, unsigned mode);
/// Text from a worker or a workflow, made safe for a terminal: control characters other than line feeds and tabs become
/// their Unicode pictures; those above ASCII and the marks that change the direction of writing become U+FFFD.
std::string printable(std::string_view text);

}  // namespace qflow::cli
