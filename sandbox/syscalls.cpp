#include "sandbox/syscalls.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include <set>

namespace qflow::sandbox {
namespace {

// An int argument: the caller may put anything into its upper half (CVE-2019-10063).
constexpr std::uint64_t kInt = 0xffffffffULL;

// Calls allowed whatever their arguments are. Not on the list, on purpose: everything that makes or enters namespaces,
// mounts, keyrings, BPF, perf, io_uring, ptrace and its kin, System V and POSIX message IPC, memfd_create (executable
// memory past every noexec mount), splice, vmsplice and sendfile (page cache writes: CVE-2022-0847, CVE-2026-31431),
// flock and leases (a channel over shared inodes), mincore and readahead (what others have read), setting of ids,
// limits, priorities and clocks.
constexpr const char* kAllowed[] = {
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close", "close_range", "lseek",
    "open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "stat", "lstat", "fstat", "newfstatat",
    "statx", "statfs", "fstatfs", "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir",
    "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod",
    "fchmod", "fchmodat", "umask", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range",
    "utimensat", "utime", "utimes", "futimesat", "getdents", "getdents64", "copy_file_range", "fgetxattr", "getxattr",
    "lgetxattr", "flistxattr", "listxattr", "llistxattr",
    // descriptors and events
    "dup", "dup2", "dup3", "pipe", "pipe2", "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "signalfd", "signalfd4", "sendto", "recvfrom", "sendmsg", "recvmsg",
    "shutdown", "getsockname", "getpeername",
    // memory
    "munmap", "mremap", "madvise", "msync", "brk", "membarrier", "mlock", "munlock",
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

// libc tries these first and falls back when the kernel does not seem to have them.
constexpr const char* kAbsent[] = {"clone3",       "io_uring_setup", "io_uring_enter", "io_uring_register",
                                   "memfd_secret", "pidfd_open",     "userfaultfd",    "map_shadow_stack",
                                   "sendfile"};

// Calls besides socket() that are allowed only where the network is granted.
constexpr const char* kNetwork[] = {"connect", "bind", "listen", "accept", "accept4", "sendmmsg", "recvmmsg"};

// Calls that people run into, with the reason that the record gives.
struct Denied {
  const char* name;
  DenialReason why;
};
constexpr DenialReason kNetworkOff{"network is off for this node", "sandbox.network"};
constexpr DenialReason kNamespaces{"a node may not change namespaces or mounts", ""};
constexpr DenialReason kShared{"it would be shared with other executions", ""};
constexpr DenialReason kOthers{"a node may not look into other processes", ""};
constexpr DenialReason kIdentity{"a node keeps the identity it was given", ""};
constexpr DenialReason kKernel{"this part of the kernel is closed to nodes", ""};
constexpr DenialReason kHost{"a node may not change the host's own settings", ""};
constexpr Denied kDenied[] = {
    {"socket", kNetworkOff},
    {"unshare", kNamespaces},
    {"setns", kNamespaces},
    {"clone", kNamespaces},
    {"mount", kNamespaces},
    {"umount2", kNamespaces},
    {"pivot_root", kNamespaces},
    {"chroot", kNamespaces},
    {"fsopen", kNamespaces},
    {"fsmount", kNamespaces},
    {"open_tree", kNamespaces},
    {"move_mount", kNamespaces},
    {"mount_setattr", kNamespaces},
    {"ptrace", kOthers},
    {"process_vm_readv", kOthers},
    {"process_vm_writev", kOthers},
    {"pidfd_getfd", kOthers},
    {"kcmp", kOthers},
    {"shmget", kShared},
    {"semget", kShared},
    {"msgget", kShared},
    {"mq_open", kShared},
    {"flock", kShared},
    {"fcntl", kShared},
    {"add_key", kShared},
    {"request_key", kShared},
    {"keyctl", kShared},
    {"memfd_create", {"memory that is a file could be executed despite noexec mounts", ""}},
    {"setuid", kIdentity},
    {"setgid", kIdentity},
    {"setreuid", kIdentity},
    {"setregid", kIdentity},
    {"setresuid", kIdentity},
    {"setresgid", kIdentity},
    {"setgroups", kIdentity},
    {"setpriority", kHost},
    {"sched_setscheduler", kHost},
    {"sethostname", kHost},
    {"settimeofday", kHost},
    {"clock_settime", kHost},
    {"reboot", kHost},
    {"swapon", kHost},
    {"syslog", kHost},
    {"init_module", kKernel},
    {"finit_module", kKernel},
    {"kexec_load", kKernel},
    {"bpf", kKernel},
    {"perf_event_open", kKernel},
    {"personality", kKernel},
    {"mknod", {"device files could open the host's devices", ""}},
    {"mknodat", {"device files could open the host's devices", ""}},
};
constexpr Denied kPrograms{"execve", {"programs are off for this node", "sandbox.programs"}};

bool depends_on_arguments(std::string_view name) {
  return name == "socket" || name == "clone" || name == "fcntl" || name == "mknod" || name == "mknodat";
}

// TCP and UDP sockets where the network is granted, nothing else anywhere. Socket options are allowed by list: one of
// SOL_SOCKET attaches BPF programs, another returns descriptors of processes, others set how much kernel memory a
// socket may hold.
void add_socket_rules(std::vector<SyscallRule>& rules, const Policy& policy) {
  const auto option = [&](const char* name, int level, std::initializer_list<int> values) {
    for (const int value : values)
      rules.push_back(
          {name, Action::allow, {{1, kInt, static_cast<unsigned>(level)}, {2, kInt, static_cast<unsigned>(value)}}});
  };
  option("setsockopt", SOL_SOCKET, {SO_REUSEADDR, SO_KEEPALIVE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO});
  option("getsockopt", SOL_SOCKET,
         {SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER, SO_PASSCRED, SO_PEERCRED,
          SO_RCVTIMEO, SO_SNDTIMEO, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN});
  if (policy.network == Network::none) {
    rules.push_back({"socket", Action::deny, {}});
    return;
  }
  for (const char* name : kNetwork) rules.push_back({name, Action::allow, {}});
  for (const int domain : {AF_INET, AF_INET6}) {
    // By protocol, too: of the stream sockets not MPTCP, of the datagram sockets not UDP-Lite.
    const auto kind = [&](int type, std::initializer_list<int> protocols) {
      for (const int protocol : protocols)
        rules.push_back({"socket",
                         Action::allow,
                         {{0, kInt, static_cast<unsigned>(domain)},
                          {1, 0xfU, static_cast<unsigned>(type)},
                          {2, kInt, static_cast<unsigned>(protocol)}}});
    };
    kind(SOCK_STREAM, {0, IPPROTO_TCP});
    kind(SOCK_DGRAM, {0, IPPROTO_UDP});
    rules.push_back({"socket", Action::deny, {{0, kInt, static_cast<unsigned>(domain)}, {1, 0xfU, SOCK_RAW}}});
  }
  for (const int domain : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG})
    rules.push_back({"socket", Action::deny, {{0, kInt, static_cast<unsigned>(domain)}}});
  option("setsockopt", SOL_SOCKET, {SO_REUSEPORT, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_OOBINLINE});
  option("getsockopt", SOL_SOCKET, {SO_REUSEPORT, SO_BROADCAST});
  for (const char* name : {"setsockopt", "getsockopt"})
    for (const int level : {IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6})
      rules.push_back({name, Action::allow, {{1, kInt, static_cast<unsigned>(level)}}});
}

void add_argument_rules(std::vector<SyscallRule>& rules, const Policy& policy) {
  const auto allow_values = [&](const char* name, unsigned argument, std::initializer_list<unsigned long> values) {
    for (const unsigned long value : values) rules.push_back({name, Action::allow, {{argument, kInt, value & kInt}}});
  };
  // Threads and plain forks; no namespaces, no sharing that hides a child from its parent. CLONE_NEWTIME lies in the
  // exit-signal byte of clone(2), where it means nothing.
  constexpr std::uint64_t kSpaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  constexpr std::uint64_t kHiding = CLONE_IO | CLONE_PARENT | CLONE_PTRACE | CLONE_UNTRACED;
  rules.push_back({"clone", Action::allow, {{0, kSpaces | kHiding, 0}}});
  for (std::uint64_t flag = 1; flag <= kSpaces; flag <<= 1U)
    if ((kSpaces & flag) != 0) rules.push_back({"clone", Action::deny, {{0, flag, flag}}});
  // Only private anonymous memory may be writable and executable at once, because libffi needs that for ctypes'
  // callbacks: no file and nothing that processes share. READ_IMPLIES_EXEC cannot be set (personality).
  // No huge pages: they come from a pool of the host's, and no limit of a node counts them.
  constexpr std::uint64_t kWriteExec = PROT_WRITE | PROT_EXEC;
  for (const std::uint64_t kept : {std::uint64_t{0}, std::uint64_t{PROT_WRITE}, std::uint64_t{PROT_EXEC}}) {
    rules.push_back({"mmap", Action::allow, {{2, kWriteExec, kept}, {3, MAP_HUGETLB, 0}}});
    for (const char* name : {"mprotect", "pkey_mprotect"})
      rules.push_back({name, Action::allow, {{2, kWriteExec, kept}}});
  }
  constexpr std::uint64_t kKind = MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
  rules.push_back({"mmap", Action::allow, {{2, kWriteExec, kWriteExec}, {3, kKind, MAP_PRIVATE | MAP_ANONYMOUS}}});
  // Named pipes, but no device files.
  const std::pair<const char*, unsigned> makers[] = {{"mknod", 1}, {"mknodat", 2}};
  for (const auto& [name, argument] : makers) {
    rules.push_back({name, Action::allow, {{argument, S_IFMT, S_IFIFO}}});
    for (const unsigned kind : {S_IFCHR, S_IFBLK}) rules.push_back({name, Action::deny, {{argument, S_IFMT, kind}}});
  }
  allow_values("ioctl", 1, {TCGETS, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCGWINSZ});
  // Programs may have terminals: opening a pair, modes, size, a controlling terminal and its foreground. Not TIOCSTI
  // and TIOCLINUX, which type for others, and not TIOCSETD, which loads line disciplines (CVE-2017-2636,
  // CVE-2023-31082).
  if (policy.programs)
    allow_values("ioctl", 1,
                 {TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER, TCSETS, TCSETSW, TCSETSF, TCSBRK, TCSBRKP, TCFLSH, TCXONC,
                  TIOCOUTQ, TIOCSWINSZ, TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID});
  // POSIX record locks would be a channel: executions share inodes, and /dev/null is even writable. SQLite needs locks
  // on its own files, so they trap, and the handler grants them there (denied.cpp). A program that a node starts has no
  // handler: where programs are granted, the kernel's locks are granted, too.
  allow_values("fcntl", 1, {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETPIPE_SZ, F_GET_SEALS});
  for (const int command : {F_GETLK, F_SETLK, F_SETLKW})
    rules.push_back(
        {"fcntl", policy.programs ? Action::allow : Action::deny, {{1, kInt, static_cast<unsigned>(command)}}});
  // Seeing whether others have a file in memory, and evicting it, would be another channel.
  for (const char* name : {"preadv2", "pwritev2"}) rules.push_back({name, Action::allow, {{5, kInt, 0}}});
  allow_values("fadvise64", 3, {POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL, POSIX_FADV_WILLNEED});
  // A datagram pair whose peer was closed can be bound to a name that others see, and sent from anywhere: connected
  // pairs only. SO_PASSCRED would bind such a name by itself.
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET})
    rules.push_back({"socketpair", Action::allow, {{0, kInt, AF_UNIX}, {1, 0xfU, static_cast<unsigned>(type)}}});
  add_socket_rules(rules, policy);
  for (const int option : worker_prctl_options())
    rules.push_back({"prctl", Action::allow, {{0, kInt, static_cast<unsigned>(option)}}});
  // Reading limits, not setting them.
  rules.push_back({"prlimit64", Action::allow, {{2, ~0ULL, 0}}});
}

}  // namespace

const std::vector<const char*>& set_up_calls() {
  static const std::vector<const char*> kCalls{"clone3",
                                               "mount",
                                               "unshare",
                                               "capset",
                                               "prctl",
                                               "prlimit64",
                                               "setrlimit",
                                               "landlock_create_ruleset",
                                               "landlock_add_rule",
                                               "landlock_restrict_self",
                                               "seccomp"};
  return kCalls;
}

const std::vector<int>& worker_prctl_options() {
  static const std::vector<int> kOptions{PR_SET_NAME,       PR_GET_NAME,     PR_GET_DUMPABLE,  PR_GET_NO_NEW_PRIVS,
                                         PR_GET_SECCOMP,    PR_CAPBSET_READ, PR_GET_PDEATHSIG, PR_SET_TIMERSLACK,
                                         PR_GET_TIMERSLACK, PR_SET_VMA};
  return kOptions;
}

std::vector<SyscallRule> worker_rules(const Policy& policy) {
  std::vector<SyscallRule> rules;
  for (const char* name : kAllowed) rules.push_back({name, Action::allow, {}});
  for (const char* name : kAbsent) rules.push_back({name, Action::absent, {}});
  for (const Denied& call : kDenied)
    if (!depends_on_arguments(call.name)) rules.push_back({call.name, Action::deny, {}});
  // A refused execve must come back as an error even in the child of a vfork, where no handler runs; pyhost names the
  // event through Python's audit hook.
  if (policy.programs) rules.push_back({"execve", Action::allow, {}});
  add_argument_rules(rules, policy);
  return rules;
}

DenialReason reason_of(std::string_view name) {
  if (name == kPrograms.name) return kPrograms.why;
  for (const Denied& call : kDenied)
    if (name == call.name) return call.why;
  return kKernel;
}

std::string describe_rules(const Policy& policy) {
  const std::vector<SyscallRule> rules = worker_rules(policy);
  const auto list = [&](Action action, bool conditional) {
    std::string out;
    std::set<std::string_view> named;
    for (const SyscallRule& rule : rules)
      if (rule.action == action && rule.conditions.empty() != conditional && named.insert(rule.name).second)
        out += fmt::format(" {}", rule.name);
    return out;
  };
  return fmt::format(
      "allowed{}\nallowed depending on their arguments{}\ndenied, with a named event{}{}\nabsent (ENOSYS){}\n"
      "everything else is refused (EPERM); another architecture's calls end the process\n",
      list(Action::allow, false), list(Action::allow, true), list(Action::deny, false), list(Action::deny, true),
      list(Action::absent, false));
}

}  // namespace qflow::sandbox
