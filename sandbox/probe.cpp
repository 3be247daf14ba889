#include "sandbox/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "sandbox/cgroup.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/outer.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

int become(uid_t id) {
  if (::setgroups(0, nullptr) < 0 || ::setresgid(id, id, id) < 0 || ::setresuid(id, id, id) < 0) return errno;
  return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? errno : 0;
}

// Runs `attempt` in a child and returns the text it wrote, or "" when it succeeded. The daemon may have threads by
// now, so the child only makes system calls and writes one line (fork(2): async-signal-safe calls only).
std::string try_in_child(uid_t worker_uid, int (*attempt)()) {
  std::pair<UniqueFd, UniqueFd> pipe = make_pipe();
  UniqueFd& read_end = pipe.first;
  UniqueFd& write_end = pipe.second;
  const pid_t pid = check(::_Fork(), "_Fork()");  // without atfork handlers: the child only makes system calls
  if (pid == 0) {
    int error = ::geteuid() == 0 ? become(worker_uid) : 0;
    if (error == 0) error = attempt();
    if (error != 0) {
      const char* text = strerrordesc_np(error);
      if (text == nullptr) text = "failed";
      write_all(write_end.get(), text);
    }
    ::_exit(error == 0 ? 0 : 1);
  }
  write_end.reset();
  ChildProcess child(pid);
  std::string text(200, '\0');
  const ssize_t got = retry([&] { return ::read(read_end.get(), text.data(), text.size()); });
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const Exit exit = child.wait();
  if (text.empty() && exit.code != 0) text = fmt::format("the probe ended with signal {}", exit.signal);
  return text;
}

template <int kFlag>
int unshare_with_user() {
  return ::unshare(CLONE_NEWUSER | kFlag) == 0 ? 0 : errno;
}

// Ubuntu lets unshare succeed but refuses the first mount, so the mount decides.
int mount_and_pivot() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return errno;
  const auto put = [](const char* path, const char* format, unsigned id) {
    char text[64];
    const int length = ::snprintf(text, sizeof text, format, id);
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int error = ::write(fd, text, static_cast<std::size_t>(length)) < 0 ? errno : 0;
    ::close(fd);
    return error;
  };
  if (const int e = put("/proc/self/setgroups", "deny", 0)) return e;
  if (const int e = put("/proc/self/gid_map", "1000 %u 1", gid)) return e;
  if (const int e = put("/proc/self/uid_map", "1000 %u 1", uid)) return e;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return errno;
  if (::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") < 0) return errno;
  if (::chdir("/tmp") < 0) return errno;
  if (::syscall(SYS_pivot_root, ".", ".") < 0) return errno;
  return ::umount2(".", MNT_DETACH) < 0 ? errno : 0;
}

int no_new_privs() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? errno : 0; }

int seccomp_filter() {
  if (const int e = no_new_privs()) return e;
  sock_filter allow_all[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog program{1, allow_all};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? errno : 0;
}

}  // namespace

namespace {
constexpr const char* kDelegate =
    "run as a systemd service with Delegate=yes, or under `systemd-run --user -p Delegate=yes`; without it rlimits and "
    "the daemon's own watch enforce the limits";

void settle_level(HostReport& report) {
  int missing_from = 4;
  for (const HostFinding& finding : report.findings)
    if (!finding.available) missing_from = std::min(missing_from, finding.needed_from);
  report.level = missing_from - 1;
}
}  // namespace

void mark_missing(HostReport& report, const std::string& mechanism, std::string problem) {
  for (HostFinding& finding : report.findings) {
    if (finding.mechanism != mechanism) continue;
    finding.available = false;
    finding.detail = std::move(problem);
    finding.remedy = kDelegate;
    break;
  }
  settle_level(report);
}

HostReport probe_host(uid_t worker_uid) {
  HostReport report;
  const auto add = [&](std::string mechanism, std::string problem, std::string detail, std::string remedy, int from) {
    const bool ok = problem.empty();
    report.findings.push_back(
        {std::move(mechanism), ok, ok ? std::move(detail) : std::move(problem), ok ? "" : std::move(remedy), from});
  };
  const std::string userns =
      "allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000; "
      "on Ubuntu 24.04, install an AppArmor profile with `userns,` for the pyhost executables; in a container, use a "
      "seccomp and AppArmor profile that allows unshare, mount and pivot_root";
  add("user namespace", try_in_child(worker_uid, unshare_with_user<0>), "", userns, 2);
  add("mount namespace, pivot_root", try_in_child(worker_uid, mount_and_pivot), "", userns, 2);
  add("PID namespace", try_in_child(worker_uid, unshare_with_user<CLONE_NEWPID>), "", userns, 2);
  add("network namespace", try_in_child(worker_uid, unshare_with_user<CLONE_NEWNET>), "", userns, 2);
  add("IPC namespace", try_in_child(worker_uid, unshare_with_user<CLONE_NEWIPC>), "", userns, 2);
  add("UTS namespace", try_in_child(worker_uid, unshare_with_user<CLONE_NEWUTS>), "", userns, 2);
  add("cgroup namespace", try_in_child(worker_uid, unshare_with_user<CLONE_NEWCGROUP>), "", userns, 2);
  add("no_new_privs", try_in_child(worker_uid, no_new_privs), "", "use kernel 3.5 or newer", 1);
  add("seccomp filter", try_in_child(worker_uid, seccomp_filter), "", "use a kernel built with CONFIG_SECCOMP_FILTER",
      1);
  const int abi = landlock_abi();
  add("Landlock", abi > 0 ? "" : "not in this kernel", fmt::format("ABI {}", abi),
      "boot with landlock in the lsm= list (kernel 5.13 or newer); the mount namespace holds without it", 3);
  add(kCgroupMechanism, cgroup_problem(), "memory, pids, cpu", kDelegate, 3);
  settle_level(report);
  return report;
}

}  // namespace qflow::sandbox
