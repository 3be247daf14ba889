// Whether the parts of the server work. Io threads.
#pragma once
#include <string>
#include <vector>

#include "daemon/services/services.hpp"

namespace qflow::services {

struct DatabaseHealth {
  std::string problem;  ///< why it cannot be read or written; empty: healthy
  double response_ms = 0;
};
Task<DatabaseHealth> database_health(Services& services);

struct PythonHealth {
  std::vector<workers::Pool::EnvironmentState> environments;
  std::vector<std::string> versions;  ///< that are installed
  std::size_t running = 0, waiting = 0, kept = 0;
  std::uint64_t spare_hits = 0, spare_misses = 0, zygotes_lost = 0;
  /// Whether any environment can run nodes.
  bool ready() const;
};
Task<PythonHealth> python_health(Services& services);

/// Whether workers have every wall but the cgroups' (isolation level 2), and what this host lacks.
struct SandboxHealth {
  int level = 0;
  std::vector<sandbox::HostFinding> missing;
  bool healthy() const { return level >= 2; }
};
SandboxHealth sandbox_health(const Services& services);

/// The state of the whole: without its database nothing works, without a Python everything but nodes does.
enum class Health { healthy, degraded, unhealthy };
Health overall(const DatabaseHealth& database, const PythonHealth& pythons);

/// What /metrics samples when it is read.
Task<observe::Metrics::Now> gauges(Services& services);

/// Of the executions that ended within the last hour.
struct WorkflowHealth {
  std::int64_t ended = 0;
  double success_rate = 1;
  bool healthy() const { return success_rate >= 0.95; }
};
Task<WorkflowHealth> workflow_health(Services& services);

}  // namespace qflow::services
