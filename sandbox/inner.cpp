#include "sandbox/inner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "sandbox/denied.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

StepFailure failed(const char* step) noexcept { return {step, errno}; }

// Moves the descriptors to 0-4, then closes everything else.
StepFailure arrange_fds(const WorkerFds& fds) noexcept {
  const StepFailure failure = take_channels(fds);
  if (failure.step != nullptr) return failure;
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in < 0 || ::dup2(in, 0) < 0) return failed("dup2(standard input)");
  if (::syscall(SYS_close_range, kEventFd + 1, ~0U, 0U) < 0) return failed("close_range");
  return {};
}

StepFailure drop_capabilities(int last) noexcept {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return failed("prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
  // Dropping the bounding set needs CAP_SETPCAP, so it comes before the sets themselves.
  for (int cap = 0; cap <= last; ++cap)
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) return failed("prctl(PR_CAPBSET_DROP)");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) < 0) return failed("capset(0)");
  __user_cap_data_struct now[2] = {};
  if (::syscall(SYS_capget, &header, now) < 0) return failed("capget");
  for (const auto& set : now)
    if ((set.effective | set.permitted | set.inheritable) != 0) return {"capabilities read back", EPERM};
  return {};
}

// Writable private memory of this process as RLIMIT_DATA counts it, in bytes. There is no /proc to ask, so this probes
// the limit itself: one more page can be mapped exactly while it is not reached (getrlimit(2), RLIMIT_DATA).
std::uint64_t writable_bytes() {
  rlimit old{};
  if (::getrlimit(RLIMIT_DATA, &old) < 0) return 0;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t low = 0, high = std::min<std::uint64_t>(old.rlim_max, 1ULL << 40U);
  while (high - low > page) {
    const std::uint64_t middle = low + (high - low) / 2;
    const rlimit tried{middle, old.rlim_max};
    if (::setrlimit(RLIMIT_DATA, &tried) < 0) break;
    void* mapped = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
      low = middle;
    } else {
      ::munmap(mapped, page);
      high = middle;
    }
  }
  ::setrlimit(RLIMIT_DATA, &old);
  return high;
}

}  // namespace

// First out of each other's way: a descriptor that stands where another goes would be lost.
StepFailure take_channels(const WorkerFds& fds) noexcept {
  const int control = ::fcntl(fds.control, F_DUPFD_CLOEXEC, 16);
  const int out = ::fcntl(fds.out, F_DUPFD_CLOEXEC, 16);
  const int err = ::fcntl(fds.err, F_DUPFD_CLOEXEC, 16);
  if (control < 0 || out < 0 || err < 0) return failed("fcntl(F_DUPFD)");
  if (::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) return failed("dup2(standard streams)");
  // The socket is not for programs that a node starts.
  if (::dup3(control, kControlFd, O_CLOEXEC) < 0) return failed("dup3(control)");
  if (::dup3(err, kEventFd, O_CLOEXEC) < 0) return failed("dup3(events)");
  for (const int moved : {control, out, err}) ::close(moved);
  return {};
}

InnerSandbox::InnerSandbox(const Policy& policy) : policy_(policy), base_data_(writable_bytes()) {
  if (policy_.has(Layer::seccomp)) filter_ = compile_worker_filter(policy_);
  if (policy_.has(Layer::landlock)) landlock_ = plan_landlock(policy_);
  limit(policy_.limits);
  while (last_capability_ < 63 && ::prctl(PR_CAPBSET_READ, last_capability_ + 1, 0, 0, 0) >= 0) ++last_capability_;
  while (last_capability_ > 0 && ::prctl(PR_CAPBSET_READ, last_capability_, 0, 0, 0) < 0) --last_capability_;
  // prctl(2), PR_GET_TID_ADDRESS: the address where libc told the kernel to clear the thread id; libc keeps the id
  // itself there.
  if (::prctl(PR_GET_TID_ADDRESS, &tid_address_, 0, 0, 0) < 0) tid_address_ = nullptr;
}

void InnerSandbox::limit(const Limits& limits) {
  if (limits == limits_ && !tmpfs_options_.empty()) return;
  if (const std::string excess = above(limits, policy_.limits); !excess.empty())
    throw std::invalid_argument("a worker's limits: " + excess);
  limits_ = limits;
  tmpfs_options_ = fmt::format("size={},nr_inodes={},mode=1777", limits.tmp, 1024 + limits.tmp / 16384);
  prepare_limits();
}

pid_t InnerSandbox::fork_worker(int cgroup_fd) const noexcept {
  clone_args args{};
  args.flags = CLONE_CLEAR_SIGHAND;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  if (policy_.has(Layer::mount_namespace)) args.flags |= CLONE_NEWNS;
  if (policy_.has(Layer::pid_namespace)) args.flags |= CLONE_NEWPID;
  args.exit_signal = SIGCHLD;
  if (tid_address_ != nullptr) {
    args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    args.child_tid = reinterpret_cast<std::uintptr_t>(tid_address_);
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid >= 0 || errno != ENOSYS || cgroup_fd >= 0) return static_cast<pid_t>(pid);
  // Below isolation level 2, in a container whose filter hides clone3 (moby #42680). The zygote's one handler is
  // SIGSYS's, which a worker has, too.
  const std::uint64_t flags = (args.flags & ~std::uint64_t{CLONE_CLEAR_SIGHAND}) | SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone, flags, 0, 0, tid_address_, 0));
}

StepFailure InnerSandbox::mount_private() const noexcept {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  for (const char* at : {"/tmp", "/dev/shm", kWorkDirectory.data()})
    if (::mount("tmpfs", at, "tmpfs", kFlags, tmpfs_options_.c_str()) < 0) return failed("mount(tmpfs)");
  // Terminals for programs that want one: an instance of the worker's own, with devices, which MS_NODEV would close
  // (the kernel's filesystems/devpts.rst).
  if (policy_.programs &&
      ::mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0600,max=64") < 0)
    return failed("mount(devpts)");
  return {};
}

void InnerSandbox::prepare_limits() {
  const Limits& l = limits_;
  // A node that wants more memory than it may have gets a MemoryError at RLIMIT_DATA (private writable memory of one
  // process); RLIMIT_AS is generous because threads reserve far more than they use (README.md, "Traps"). The cgroup or
  // the daemon's watch limits the sum over a worker's processes.
  const std::uint64_t address_space = 4 * l.memory + (2ULL << 30U);
  resource_limits_ = {
      {RLIMIT_DATA, "setrlimit(RLIMIT_DATA)", {l.memory + base_data_, l.memory + base_data_}},
      {RLIMIT_AS, "setrlimit(RLIMIT_AS)", {address_space, address_space}},
      {RLIMIT_FSIZE, "setrlimit(RLIMIT_FSIZE)", {l.tmp, l.tmp}},
      {RLIMIT_NOFILE, "setrlimit(RLIMIT_NOFILE)", {l.open_files, l.open_files}},
      {RLIMIT_NPROC, "setrlimit(RLIMIT_NPROC)", {l.processes, l.processes}},
      // PID 1 ignores SIGXCPU at the soft limit: the hard limit kills (README.md, "Traps").
      {RLIMIT_CPU, "setrlimit(RLIMIT_CPU)", {l.cpu_seconds, l.cpu_seconds + 1ULL}},
      {RLIMIT_CORE, "setrlimit(RLIMIT_CORE)", {0, 0}},
      {RLIMIT_MEMLOCK, "setrlimit(RLIMIT_MEMLOCK)", {0, 0}},
      {RLIMIT_MSGQUEUE, "setrlimit(RLIMIT_MSGQUEUE)", {0, 0}},
      {RLIMIT_NICE, "setrlimit(RLIMIT_NICE)", {0, 0}},
      {RLIMIT_RTPRIO, "setrlimit(RLIMIT_RTPRIO)", {0, 0}},
      {RLIMIT_SIGPENDING, "setrlimit(RLIMIT_SIGPENDING)", {256, 256}},
      {RLIMIT_STACK, "setrlimit(RLIMIT_STACK)", {8U << 20U, 8U << 20U}},
  };
  // Never above this process's own limits.
  for (ResourceLimit& limit : resource_limits_) {
    rlimit now{};
    check(::getrlimit(static_cast<__rlimit_resource>(limit.resource), &now), limit.step);
    limit.value = {std::min(limit.value.rlim_cur, now.rlim_max), std::min(limit.value.rlim_max, now.rlim_max)};
  }
}

StepFailure InnerSandbox::set_limits() const noexcept {
  for (const ResourceLimit& limit : resource_limits_)
    if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &limit.value) < 0) return failed(limit.step);
  return {};
}

StepFailure InnerSandbox::enter(const WorkerFds& fds) const noexcept {
  StepFailure failure;
  const auto stopped = [&](StepFailure f) {
    failure = f;
    return f.step != nullptr;
  };

  // The worker ends with the zygote's only thread. If the zygote is already gone, the socket reads as closed.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return failed("prctl(PR_SET_PDEATHSIG)");
  sigset_t none;
  ::sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) < 0) return failed("sigprocmask");
  if (policy_.has(Layer::mount_namespace) && stopped(mount_private())) return failure;
  // A user namespace of its own, without any id mapped: the worker has no rights over the namespaces it shares with its
  // siblings, and its processes are counted apart from theirs (RLIMIT_NPROC counts by namespace since Linux 5.14).
  // The cgroup namespace is new here, too: made once the worker is in its own cgroup, it shows that cgroup as the root.
  int spaces = 0;
  if (policy_.has(Layer::user_namespace)) spaces |= CLONE_NEWUSER;
  if (policy_.has(Layer::cgroup_namespace)) spaces |= CLONE_NEWCGROUP;
  if (spaces != 0 && ::unshare(spaces) < 0) return failed("unshare(CLONE_NEWUSER | CLONE_NEWCGROUP)");
  if (stopped(arrange_fds(fds))) return failure;
  if (::setsid() < 0 && errno != EPERM) return failed("setsid");
  ::umask(077);
  if (::chdir(policy_.has(Layer::mount_namespace) ? kWorkDirectory.data() : "/") < 0) return failed("chdir");
  if (policy_.has(Layer::limits) && stopped(set_limits())) return failure;
  if (policy_.has(Layer::capabilities) && policy_.has(Layer::user_namespace) &&
      stopped(drop_capabilities(last_capability_)))
    return failure;
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return failed("prctl(PR_SET_DUMPABLE)");
  if (policy_.has(Layer::no_new_privs) && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return failed("prctl(PR_SET_NO_NEW_PRIVS)");
  if (policy_.has(Layer::landlock)) {
    const int error = restrict_self(landlock_);
    if (error != 0) return {"landlock", error};
  }
  if (policy_.has(Layer::seccomp)) {
    catch_denials();  // clone3 has reset the zygote's handler
    if (policy_.has(Layer::mount_namespace)) have_own_files();
    // Last, so that nothing above needs a rule: it takes away the calls of this set-up.
    const int error = load_filter(filter_);
    if (error != 0) return {"seccomp(SET_MODE_FILTER)", error};
  }
  return {};
}

}  // namespace qflow::sandbox
