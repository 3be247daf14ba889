// The system calls that a policy allows, as a table that seccomp.cpp compiles, `qflow doctor --policy` prints, and
// denied.cpp explains. Plain data; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// What happens to a call.
enum class Action : std::uint8_t {
  allow,
  refuse,  ///< EPERM; also everything that is not in the table
  deny,    ///< refused with a named event: a call that people run into
  absent,  ///< ENOSYS: libc falls back to an older call (EPERM would break it: moby #42680)
};

/// (argument & mask) == value. The conditions of a rule are joined by "and", the rules of a call by "or".
struct Condition {
  unsigned argument;
  std::uint64_t mask;
  std::uint64_t value;
};

struct SyscallRule {
  const char* name;
  Action action;
  std::vector<Condition> conditions;
};

/// Every rule that binds a worker under `policy`.
std::vector<SyscallRule> worker_rules(const Policy& policy);

/// The calls that put a worker's walls up. Its zygote may make them; the worker's own filter, loaded last, takes them
/// away again.
const std::vector<const char*>& set_up_calls();
/// Options of prctl(2) that workers keep, and those that only the set-up needs.
const std::vector<int>& worker_prctl_options();

/// Why a call of Action::deny is refused, and the setting of a node's `sandbox` that would allow it (empty: none does).
struct DenialReason {
  std::string_view reason;
  std::string_view setting;
};
DenialReason reason_of(std::string_view name);

/// The table in readable form, one call or group of calls per line.
std::string describe_rules(const Policy& policy);

}  // namespace qflow::sandbox
