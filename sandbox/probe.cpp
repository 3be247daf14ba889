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
#include "sandbox/namespace_cause.hpp"
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

// Runs `attempt` in a child and returns its errno, 0 when it succeeded, -1 when it was killed. The daemon may have
// threads by now, so the child only makes system calls (fork(2): async-signal-safe calls only).
int try_in_child(uid_t worker_uid, int (*attempt)()) {  // worker_uid 0: as it is
  const pid_t pid = check(::_Fork(), "_Fork()");        // without atfork handlers
  if (pid == 0) {
    int error = ::geteuid() == 0 && worker_uid != 0 ? become(worker_uid) : 0;
    if (error == 0) error = attempt();
    ::_exit(error);  // every errno of Linux fits into an exit status
  }
  const Exit exit = ChildProcess(pid).wait();
  return exit.signal != 0 ? -1 : exit.code;
}

std::string words_of(int error) {
  if (error == 0) return {};
  const char* text = error < 0 ? "the probe was killed" : strerrordesc_np(error);
  return text == nullptr ? fmt::format("error {}", error) : text;
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

// The cause is named once: what needs a user namespace, or is refused for the same reason, says only that.
void probe_namespaces(HostReport& report, uid_t worker_uid) {
  const std::pair<const char*, int (*)()> attempts[] = {
      {"user namespace", unshare_with_user<0>},
      {"mount namespace, pivot_root", mount_and_pivot},
      {"PID namespace", unshare_with_user<CLONE_NEWPID>},
      {"network namespace", unshare_with_user<CLONE_NEWNET>},
      {"IPC namespace", unshare_with_user<CLONE_NEWIPC>},
      {"UTS namespace", unshare_with_user<CLONE_NEWUTS>},
      {"cgroup namespace", unshare_with_user<CLONE_NEWCGROUP>},
  };
  const char* first = nullptr;
  for (const auto& [mechanism, attempt] : attempts) {
    HostFinding finding{mechanism, true, "", "", 2};
    if (const int error = try_in_child(worker_uid, attempt); error != 0) {
      finding.available = false;
      if (first == nullptr) {
        NamespaceCause cause = namespace_cause(error);
        finding.detail = std::move(cause.what);
        finding.remedy = std::move(cause.remedy);
        first = mechanism;
      } else {
        finding.detail = fmt::format("{}, as for the {}", words_of(error), first);
      }
    }
    report.findings.push_back(std::move(finding));
  }
}

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
  // In a user namespace (rootless containers, `unshare -r`) there may be no such id to give up root for.
  if (::geteuid() == 0 && try_in_child(worker_uid, [] { return 0; }) != 0) {
    report.findings.push_back(
        {"workers' user id", false,
         fmt::format("id {} is not mapped in this user namespace, so root cannot be given up", worker_uid),
         fmt::format("run qflow as an ordinary user here, or map at least {} ids", worker_uid + 1), 1});
    worker_uid = 0;
  }
  probe_namespaces(report, worker_uid);
  add("no_new_privs", words_of(try_in_child(worker_uid, no_new_privs)), "", "use kernel 3.5 or newer", 1);
  add("seccomp filter", words_of(try_in_child(worker_uid, seccomp_filter)), "",
      "use a kernel built with CONFIG_SECCOMP_FILTER", 1);
  const int abi = landlock_abi();
  add("Landlock", abi > 0 ? "" : "not in this kernel", fmt::format("ABI {}", abi),
      "boot with landlock in the lsm= list (kernel 5.13 or newer); the mount namespace holds without it", 3);
  add(kCgroupMechanism, cgroup_problem(), "memory, pids, cpu", kDelegate, 3);
  settle_level(report);
  return report;
}

}  // namespace qflow::sandbox
