// The outer walls, put up once by a zygote while it is single-threaded and before Python exists in it.
#pragma once
#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// Confines the calling process to `policy`: own namespaces, mapped to kInsideId, a root of read-only binds, the old
/// root gone. Forks twice: returns only in the grandchild, which is PID 2 of its PID namespace; its parent is PID 1, an
/// init that waits for it and ends with it, which ends every worker. Started by root, it gives up root for
/// policy.host_uid first.
/// The calling process must have one thread. `keep_fd` is the only descriptor above 2 that survives.
/// Throws SysError naming the call that the host refused.
void enter_outer(const Policy& policy, int keep_fd);

}  // namespace qflow::sandbox
