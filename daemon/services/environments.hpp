// Environments as processes: starting and ending those that the store knows, and what they use. The API's paths call an
// environment a container.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {

/// What the zygotes, spares and workers of one environment use.
struct EnvironmentUse {
  double cpu_percent = 0;  ///< of one processor, since the last call
  std::int64_t memory_bytes = 0, cpu_us = 0;
  std::int64_t processes = 0;
};

/// Measures the environments. It remembers the last look, because processor use is the share of the time since then.
/// Any thread.
class EnvironmentMeter {
 public:
  /// By the environment's id; "": the Pythons' own, which nobody has made.
  Task<std::map<std::string, EnvironmentUse>> look(Services& services);
  /// Of one environment: nothing when it has no process.
  Task<EnvironmentUse> look(Services& services, std::string id);

 private:
  void take_shares(std::map<std::string, EnvironmentUse>& uses);
  struct Before {
    Clock::time_point when;
    std::int64_t cpu_us = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Before> before_;
};

/// Makes an environment of a Python version, or of the default one, for a user and starts it in the background; its
/// state follows in events. Throws Fault: bad_input for an unknown version, conflict when there are too many.
Task<store::Container> create_environment(Services& services, std::optional<std::string> python_version,
                                          const std::string& user_id);
/// Brings its zygote up, records the result and publishes it as an event. Throws what the store throws.
Task<> start_environment(Services& services, store::Container environment);
/// The caller's.
Task<std::vector<store::Container>> list_environments(Services& services, const auth::Caller& caller);
/// The last `limit` lines of its log. Throws Fault(not_found), as find_environment().
Task<std::vector<store::ContainerLog>> environment_log(Services& services, const auth::Caller& caller, std::string id,
                                                       std::int64_t limit);
/// Throws Fault(not_found), also when it is not the caller's.
Task<store::Container> find_environment(Services& services, const auth::Caller& caller, std::string id);
/// Deletes it and ends its zygotes and spares; executions in it go on. Throws Fault(not_found).
Task<> remove_environment(Services& services, const auth::Caller& caller, std::string id);
/// Checks names and versions (PEP 508), and then refuses: this release installs nothing. Throws Fault: not_found,
/// bad_input, not_implemented.
Task<> install_packages(Services& services, const auth::Caller& caller, std::string id,
                        std::vector<std::string> packages);
Task<> remove_package(Services& services, const auth::Caller& caller, std::string id, std::string package);

}  // namespace qflow::services
