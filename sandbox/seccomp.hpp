// The two system-call filters. They are stacked: the kernel obeys the stricter answer of both (seccomp(2), "the highest
// precedence action"). The zygote loads the large filter once, and every worker inherits it; each worker then loads a
// small filter that takes away the calls with which it put up its walls. Loading the large filter in each worker would
// cost 0.1 ms.
#pragma once
#include <linux/filter.h>

#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The zygote's BPF program: worker_rules() plus the set-up calls; another architecture's calls kill the process.
/// Throws std::runtime_error.
std::vector<sock_filter> compile_zygote_filter(const Policy& policy);

/// The worker's BPF program: worker_rules() of the set-up calls; leaves everything else to the zygote's filter.
std::vector<sock_filter> compile_worker_filter(const Policy& policy);

/// Loads a program for the calling thread. Allocates nothing; 0 or errno.
int load_filter(const std::vector<sock_filter>& program) noexcept;

}  // namespace qflow::sandbox
