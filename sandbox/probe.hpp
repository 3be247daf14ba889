// What this host supports: tries each mechanism in a throw-away child. Daemon side, before any worker; any thread.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace qflow::sandbox {

/// One mechanism, whether the host supports it, and what to do if it does not.
struct HostFinding {
  std::string mechanism;  ///< e.g. "user namespace"
  bool available = false;
  std::string detail;   ///< version, or the call that failed
  std::string remedy;   ///< empty when available, and where an earlier finding has it
  int needed_from = 2;  ///< the lowest isolation level that needs it: 1, 2 or 3
};

/// What the host supports as a whole. Level 3: everything; 2: no delegated cgroup; 1: no namespaces; 0: nothing.
struct HostReport {
  std::vector<HostFinding> findings;
  int level = 0;
};

inline constexpr const char* kCgroupMechanism = "cgroup v2 delegation";
/// Marks a mechanism that looked available but was not: its finding now says `problem`, and the level is adjusted.
void mark_missing(HostReport& report, const std::string& mechanism, std::string problem);

/// Tries every mechanism as a zygote would: as the calling user, or, when that is root, as `worker_uid`. Takes some
/// milliseconds.
HostReport probe_host(uid_t worker_uid);

}  // namespace qflow::sandbox
