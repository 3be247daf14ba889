// The system-call filter: compiled once in the zygote, installed last by each worker.
#pragma once
#include <linux/filter.h>

#include <vector>

#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The BPF program for `policy`: an allow-list; what is not on it fails with EPERM, or with ENOSYS where libc then
/// falls back to an older call; another architecture's calls kill the process. Throws std::runtime_error.
std::vector<sock_filter> compile_filter(const Policy& policy);

}  // namespace qflow::sandbox
