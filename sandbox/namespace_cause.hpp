// Why this host gives no user namespaces to an ordinary process, and what to do about it. Daemon side; any thread.
#pragma once
#include <string>

namespace qflow::sandbox {

/// One cause, and a remedy that works where the cause holds.
struct NamespaceCause {
  std::string what;
  std::string remedy;
};

/// `error`: what unshare(2) or mount(2) failed with. Looks at /proc, the kernel's settings, this process's root
/// directory and its seccomp filter.
NamespaceCause namespace_cause(int error);

}  // namespace qflow::sandbox
