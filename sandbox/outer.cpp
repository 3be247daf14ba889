#include "sandbox/outer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "sandbox/denied.hpp"
#include "sandbox/rootfs.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

// Each worker has its own cgroup namespace (inner.cpp): inside one, a zygote could not clone into other cgroups.
int namespace_flags(const Policy& policy) {
  int flags = 0;
  if (policy.has(Layer::user_namespace)) flags |= CLONE_NEWUSER;
  if (policy.has(Layer::mount_namespace)) flags |= CLONE_NEWNS;
  if (policy.has(Layer::pid_namespace)) flags |= CLONE_NEWPID;
  if (policy.has(Layer::network_namespace) && policy.network == Network::none) flags |= CLONE_NEWNET;
  if (policy.has(Layer::ipc_namespace)) flags |= CLONE_NEWIPC;
  if (policy.has(Layer::uts_namespace)) flags |= CLONE_NEWUTS;
  return flags;
}

// user_namespaces(7): setgroups must be denied before an unprivileged process may write gid_map. `proc` is a descriptor
// of /proc, which is already gone from the root file system if root built it.
void write_at(int proc, const char* file, const std::string& text) {
  const UniqueFd fd(check(::openat(proc, file, O_WRONLY | O_CLOEXEC), fmt::format("openat(/proc, {})", file)));
  check(::write(fd.get(), text.data(), text.size()), fmt::format("write(/proc/{}, \"{}\")", file, text));
}

void map_ids(int proc, uid_t uid, gid_t gid) {
  write_at(proc, "self/setgroups", "deny");
  write_at(proc, "self/gid_map", fmt::format("{} {} 1", kInsideId, gid));
  write_at(proc, "self/uid_map", fmt::format("{} {} 1", kInsideId, uid));
}

void give_up_root(uid_t id) {
  check(::setgroups(0, nullptr), "setgroups(0)");
  check(::setresgid(id, id, id), fmt::format("setresgid({})", id));
  check(::setresuid(id, id, id), fmt::format("setresuid({})", id));
  // prctl(2), PR_SET_DUMPABLE: cleared by setresuid, and then /proc/self/uid_map belongs to root and cannot be written.
  check(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl(PR_SET_DUMPABLE, 1)");
}

[[noreturn]] void wait_for_child(pid_t child) {
  int status = 0;
  // The namespace's init inherits its orphans: reap any child, but wait for the end of `child`.
  while (retry([&] { return ::waitpid(-1, &status, 0); }) != child) {
  }
  const Exit exit = exit_of(status);
  ::_exit(exit.signal != 0 ? 128 + exit.signal : exit.code);
}

// Ends this process with its parent (prctl(2), PR_SET_PDEATHSIG; cleared by a change of ids, so set after it).
void die_with_parent() { check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)"); }

// Closes everything but 0, 1, 2 and `keep`.
void close_others(int keep) {
  if (keep > 3) ::syscall(SYS_close_range, 3U, static_cast<unsigned>(keep - 1), 0U);
  ::syscall(SYS_close_range, static_cast<unsigned>(keep < 3 ? 3 : keep + 1), ~0U, 0U);
}

// The zygote may not make the calls that its workers may not make, except those that their set-up needs: the packages
// that it imports are less trusted than its own code.
void restrict_calls(const Policy& policy) {
  if (policy.has(Layer::no_new_privs)) check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
  if (!policy.has(Layer::seccomp)) return;
  const std::vector<sock_filter> filter = compile_zygote_filter(policy);
  catch_denials();
  if (const int error = load_filter(filter)) throw SysError(error, "seccomp(SET_MODE_FILTER)");
}

}  // namespace

void enter_outer(const Policy& policy, int keep_fd) {
  close_others(keep_fd);
  check(::chdir("/"), "chdir(\"/\")");
  const bool root = ::geteuid() == 0;
  const bool own_root = policy.has(Layer::mount_namespace);
  UniqueFd proc = open_file("/proc", O_PATH | O_DIRECTORY);
  if (root) {
    // Only root can reach every directory it may have to show (a Python below a closed /root), so it builds the root
    // file system first and gives up its rights inside it.
    if (own_root) {
      check(::unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)");
      pivot_into_new_root(policy);
    }
    give_up_root(policy.host_uid);
  }
  die_with_parent();
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int flags = namespace_flags(policy);
  // Without namespaces a container's filter may refuse the call itself.
  if (flags != 0) check(::unshare(flags), fmt::format("unshare({:#x})", flags));
  if (policy.has(Layer::user_namespace)) map_ids(proc.get(), uid, gid);
  proc.reset();
  if (!root && own_root) pivot_into_new_root(policy);
  if (policy.has(Layer::uts_namespace)) check(::sethostname("sandbox", 7), "sethostname");
  if (policy.has(Layer::pid_namespace)) {
    // Twice: the first child is PID 1 of the namespace, an init that only waits; the zygote is its child. Workers are
    // PID 1 of their own namespaces, and libraries detect a fork by the process id (OpenSSL's random state, tempfile's
    // names): a zygote with the same process id would give all of its workers the same state.
    for (int generation = 0; generation < 2; ++generation) {
      const pid_t child = check(::fork(), "fork()");
      if (child != 0) {
        // Only the zygote itself may hold the daemon's end open.
        ::close(keep_fd);
        wait_for_child(child);
      }
      die_with_parent();
    }
  }
  restrict_calls(policy);
}

}  // namespace qflow::sandbox
