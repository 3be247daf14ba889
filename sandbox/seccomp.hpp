// The system-call filters. Two, stacked: the kernel obeys the stricter answer of both (seccomp(2), "the highest
// precedence action"). The large one is loaded once by the zygote and inherited by every worker; each worker then loads
// a small one that takes away the calls with which it put its walls up. Loading the large one for each worker would
// cost 0.1 ms.
#pragma once
#include <linux/filter.h>

#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The zygote's BPF program: worker_rules(), and the set-up calls besides; another architecture's calls kill the
/// process. Throws std::runtime_error.
std::vector<sock_filter> compile_zygote_filter(const Policy& policy);

/// The worker's: worker_rules() of the set-up calls, everything else left to the filter above it.
std::vector<sock_filter> compile_worker_filter(const Policy& policy);

/// Loads a program for the calling thread. Allocates nothing; 0 or errno.
int load_filter(const std::vector<sock_filter>& program) noexcept;

}  // namespace qflow::sandbox
