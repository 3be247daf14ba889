#include "sandbox/seccomp.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>

#include "sandbox/sys.hpp"

namespace qflow::sandbox {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// libseccomp answers with -errno and leaves errno alone.
void added(int result, std::string_view what) {
  if (result < 0)
    throw std::runtime_error(fmt::format("seccomp rule for {}: {}", what, std::generic_category().message(-result)));
}

// Calls that need no look at their arguments. Not on the list, on purpose: everything that makes or enters namespaces,
// mounts, keyrings, BPF, perf, io_uring, ptrace and its kin, System V and POSIX message IPC, memfd_create (executable
// memory past every noexec mount), splice and vmsplice (page cache writes: CVE-2022-0847, CVE-2026-31431), file locks
// and leases (a channel over shared inodes), setting of ids, limits, priorities and clocks.
constexpr const char* kAllowed[] = {
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "close",
    "close_range", "lseek", "open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "stat", "lstat",
    "fstat", "newfstatat", "statx", "statfs", "fstatfs", "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "mkdir",
    "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink",
    "symlinkat", "chmod", "fchmod", "fchmodat", "umask", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync",
    "sync_file_range", "utimensat", "utime", "utimes", "futimesat", "getdents", "getdents64", "fadvise64", "readahead",
    "copy_file_range", "sendfile", "fgetxattr", "getxattr", "lgetxattr", "flistxattr", "listxattr", "llistxattr",
    // descriptors and events
    "dup", "dup2", "dup3", "pipe", "pipe2", "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "signalfd", "signalfd4", "sendto", "recvfrom", "sendmsg", "recvmsg",
    "shutdown", "getsockopt", "setsockopt", "getsockname", "getpeername",
    // memory
    "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "brk", "membarrier", "mlock", "munlock",
    // threads and scheduling
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "sched_yield", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getcpu",
    "getpriority", "rseq", "set_tid_address", "restart_syscall", "arch_prctl",
    // identity and time
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "getpgrp", "getpgid", "getsid", "setsid", "setpgid", "getrlimit", "getrusage", "times", "sysinfo", "uname", "time",
    "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "alarm", "getitimer", "setitimer",
    "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "getrandom", "capget",
    // signals and processes
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "kill", "tkill", "tgkill", "pause", "exit", "exit_group",
    "wait4", "waitid", "fork", "vfork"};

// libc tries these first and falls back when the kernel seems not to have them; EPERM would break it (moby #42680).
constexpr const char* kAbsent[] = {"clone3",       "io_uring_setup", "io_uring_enter", "io_uring_register",
                                   "memfd_secret", "pidfd_open",     "userfaultfd",    "map_shadow_stack"};

constexpr std::uint64_t kInt =
    0xffffffffULL;  // an int argument: its upper half is the caller's to fill (CVE-2019-10063)

void allow(const Context& context, const char* name) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) return;  // newer than this libseccomp: stays refused
  added(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0), name);
}

void allow_values(const Context& context, int number, unsigned argument, std::initializer_list<unsigned long> values,
                  std::string_view what) {
  for (const unsigned long value : values)
    added(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 1,
                           scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, kInt, value & kInt}),
          what);
}

void add_argument_rules(const Context& context) {
  // Threads and plain forks; no namespaces, no sharing that hides a child from its parent.
  constexpr std::uint64_t kRefused = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                     CLONE_NEWPID | CLONE_NEWNET | CLONE_IO | CLONE_PARENT | CLONE_PTRACE |
                                     CLONE_UNTRACED | CLONE_NEWTIME;
  added(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                         // CLONE_NEWTIME lies in the exit-signal byte of clone(2), where it means nothing.
                         scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, kRefused & ~0xffULL, 0}),
        "clone");
  allow_values(context, SCMP_SYS(ioctl), 1, {TCGETS, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCGWINSZ}, "ioctl");
  allow_values(context, SCMP_SYS(fcntl), 1,
               {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETPIPE_SZ, F_GET_SEALS}, "fcntl");
  allow_values(context, SCMP_SYS(socketpair), 0, {AF_UNIX}, "socketpair");
  added(seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 0), "socket");
  allow_values(context, SCMP_SYS(prctl), 0,
               {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ,
                PR_GET_PDEATHSIG, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, PR_SET_VMA},
               "prctl");
  // Reading limits, not setting them.
  added(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, scmp_arg_cmp{2, SCMP_CMP_EQ, 0, 0}),
        "prlimit64");
}

}  // namespace

std::vector<sock_filter> compile_filter(const Policy& policy) {
  const Context context(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!context) throw std::runtime_error("seccomp_init failed");
  added(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "other architectures");
  // A binary tree: the kernel runs the filter once per call number when it is loaded, a list costs three times as much.
  added(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "the tree");
  for (const char* name : kAllowed) allow(context, name);
  if (policy.programs) allow(context, "execve");
  for (const char* name : kAbsent) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number != __NR_SCMP_ERROR) added(seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(ENOSYS), number, 0), name);
  }
  add_argument_rules(context);
  const UniqueFd file(check(::memfd_create("filter", MFD_CLOEXEC), "memfd_create(filter)"));
  added(seccomp_export_bpf(context.get(), file.get()), "export");
  const off_t size = check(::lseek(file.get(), 0, SEEK_END), "lseek(filter)");
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  check(::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0), "pread(filter)");
  return program;
}

}  // namespace qflow::sandbox
