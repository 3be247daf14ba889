// What this host can give: each mechanism is tried in a throw-away child. Daemon side, before any worker; any thread.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace qflow::sandbox {

/// One mechanism, whether the host gives it, and what to do if not.
struct Finding {
  std::string mechanism;  ///< e.g. "user namespace"
  bool available = false;
  std::string detail;   ///< version, or the call that failed
  std::string remedy;   ///< empty when available
  int needed_from = 2;  ///< the lowest isolation level that needs it: 1, 2 or 3
};

/// What the host gives, all in all. Level 3: everything; 2: no delegated cgroup; 1: no namespaces; 0: nothing.
struct HostReport {
  std::vector<Finding> findings;
  int level = 0;
};

inline constexpr const char* kCgroupMechanism = "cgroup v2 delegation";
/// A mechanism that looked available and was not: its finding says `problem` from now on, and the level follows.
void mark_missing(HostReport& report, const std::string& mechanism, std::string problem);

/// Tries every mechanism as a zygote would: as the calling user, or, when that is root, as `worker_uid`. Takes some
/// milliseconds.
HostReport probe_host(uid_t worker_uid);

}  // namespace qflow::sandbox
