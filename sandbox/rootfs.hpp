// A root file system on tmpfs made of read-only binds. Runs in a zygote before Python, single-threaded.
#pragma once
#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// Makes a new root from policy.mounts in the caller's own mount namespace and pivots into it; the old root is
/// detached. The new root has the mounts at their paths, the usual /bin, /lib, /lib64 links, a minimal /dev, a
/// synthetic /etc/passwd and /etc/group, and empty /tmp, /dev/shm and kWorkDirectory for each worker's own tmpfs. All
/// read-only. Throws SysError.
void pivot_into_new_root(const Policy& policy);

}  // namespace qflow::sandbox
