#include "sandbox/namespace_cause.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

std::string text_of(const char* path) {
  try {
    return read_file(path, 1U << 20U);
  } catch (const SysError&) {
    return {};
  }
}

// A kernel setting; "" where this kernel has none of that name.
std::string setting(const char* path) {
  std::string text = text_of(path);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::uint64_t mount_of_root() {
  struct statx info {};
  return ::statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &info) == 0 ? info.stx_mnt_id : 0;
}

// user_namespaces(7): whoever is in a chroot gets EPERM. Root enters its own mount namespace once more, which leads to
// the namespace's root (setns(2)); others see it by their mounts, of which none is at "/" unless the chroot is itself a
// mount. The child only makes system calls.
bool in_chroot() {
  if (::geteuid() == 0) {
    const pid_t pid = check(::_Fork(), "_Fork()");
    if (pid == 0) {
      const std::uint64_t before = mount_of_root();
      const int space = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
      ::_exit(space >= 0 && ::setns(space, CLONE_NEWNS) == 0 && mount_of_root() != before ? 1 : 0);
    }
    return ChildProcess(pid).wait().code == 1;
  }
  const std::string mounts = text_of("/proc/self/mountinfo");
  return !mounts.empty() && mounts.find(" / rw") == std::string::npos && mounts.find(" / ro") == std::string::npos;
}

bool has_filter() { return text_of("/proc/self/status").find("\nSeccomp:\t2") != std::string::npos; }

}  // namespace

NamespaceCause namespace_cause(int error) {
  if (::access("/proc/self/status", R_OK) != 0)
    return {"/proc is not mounted here, and ids are mapped through it", "mount -t proc proc /proc"};
  if (setting("/proc/sys/user/max_user_namespaces") == "0")
    return {"user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=15000"};
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return {"kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1"};
  if (error == ENOSPC || error == EUSERS)
    return {"there are as many user namespaces as user.max_user_namespaces allows, or they are nested 32 deep",
            "raise the sysctl user.max_user_namespaces, or run fewer sandboxes inside each other"};
  if (error == EPERM && in_chroot())
    return {
        "this is a chroot, in which the kernel makes no user namespaces",
        "run qflow outside of it, or enter the directory DIR with `bwrap --bind DIR / --dev /dev --proc /proc qflow …` "
        "in place of chroot"};
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return {"kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu)",
            "load an AppArmor profile with `userns,` for the pyhost executables, or sysctl -w "
            "kernel.apparmor_restrict_unprivileged_userns=0"};
  if (error == EPERM && has_filter())
    return {"a seccomp filter forbids it, as containers and some systemd units have one",
            "docker and podman: run with --security-opt seccomp=unconfined --security-opt apparmor=unconfined; "
            "Kubernetes: securityContext.seccompProfile.type: Unconfined; systemd: no RestrictNamespaces=yes and no "
            "SystemCallFilter= without @mount"};
  return {
      fmt::format("the kernel refuses ({})", std::strerror(error)),  // NOLINT(concurrency-mt-unsafe)
      "use a kernel with CONFIG_USER_NS and CONFIG_PID_NS, without a security module that forbids user namespaces, and "
      "no chroot"};
}

}  // namespace qflow::sandbox
