// Landlock: the second wall around the file system, and around abstract sockets and signals where the ABI has scopes.
// Raw system calls, because Debian 12's headers are older than the kernels this runs on (landlock(7)).
#pragma once
#include <cstdint>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The ABI version of this kernel, or 0 when it has no Landlock or it is switched off.
int landlock_abi();

/// One path of a ruleset with the accesses allowed beneath it.
struct LandlockPath {
  const char* path;
  std::uint64_t access;
};

/// What a worker's ruleset is made from; prepared in the zygote, so that the worker allocates nothing.
struct LandlockPlan {
  int abi = 0;
  bool network = false;            ///< TCP is granted
  std::vector<std::string> names;  ///< storage for paths
  std::vector<LandlockPath> paths;
};

/// The plan for `policy` on this kernel.
LandlockPlan plan_landlock(const Policy& policy);

/// Restricts the calling process. Call after the worker's tmpfs are mounted, because rules bind to inodes (README.md,
/// "Inner walls"). Allocates nothing; returns 0 or the errno of the call that failed.
int restrict_self(const LandlockPlan& plan) noexcept;

}  // namespace qflow::sandbox
