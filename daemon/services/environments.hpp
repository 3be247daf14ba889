// Environments as processes: starting and ending those that the store knows, and what they use. The API's paths call an
// environment a container.
#pragma once
#include <map>
#include <mutex>
#include <string>

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

 private:
  void take_shares(std::map<std::string, EnvironmentUse>& uses);
  struct Before {
    Clock::time_point when;
    std::int64_t cpu_us = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Before> before_;
};

/// Makes an environment of a Python version for a user and starts it in the background; its state follows in events.
/// Throws Fault: bad_input for an unknown version, conflict when there are too many.
Task<store::Container> create_environment(Services& services, const std::string& python_version,
                                          const std::string& user_id);
/// Brings its zygote up, records the result and publishes it as an event. Throws what the store throws.
Task<> start_environment(Services& services, store::Container environment);
/// Deletes it and ends its zygotes and spares; executions in it go on.
Task<> remove_environment(Services& services, const store::Container& environment);

}  // namespace qflow::services
