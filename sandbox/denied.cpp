#include "sandbox/denied.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "sandbox/syscalls.hpp"

namespace qflow::sandbox {
namespace {

// Written before node code runs, read in a signal handler.
char g_mark[kMarkLength];
bool g_marked = false;

// Async-signal-safe: no locale, no allocation.
char* put_hex(char* at, std::uint64_t value, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = "0123456789abcdef"[value & 0xfU];
    value >>= 4U;
  }
  return at + digits;
}

bool take_hex(std::string_view& text, std::size_t digits, std::uint64_t& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') value = value << 4U | static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f') value = value << 4U | static_cast<unsigned>(c - 'a' + 10);
    else return false;
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

pid_t g_main = 0;  // the process whose locks are granted; 0: none

// Record locks (fcntl(2)) on files that belong to the worker alone. Grants every lock that the worker's main process
// asks for: locks are held by processes, so it never conflicts with itself, and F_GETLK finds no holder. Its children
// are refused: two of them would both be told that they have the lock. Branches are main processes, each
// for itself: two that write one file at the same time are not kept apart.
bool grant_lock(int fd, int command, void* argument) noexcept {
  if ((command != F_GETLK && command != F_SETLK && command != F_SETLKW) || ::getpid() != g_main) return false;
  struct stat info {};
  if (::fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return false;
  for (const char* path : {"/tmp", "/dev/shm", kWorkDirectory.data()}) {
    struct stat own {};
    if (::stat(path, &own) != 0 || own.st_dev != info.st_dev) continue;
    if (command == F_GETLK) static_cast<struct flock*>(argument)->l_type = F_UNLCK;
    return true;
  }
  return false;
}

// sigaction(2), SIGSYS: si_syscall is the call; the arguments are still in the registers, and the caller gets the value
// that is stored in the result register (seccomp(2), SECCOMP_RET_TRAP).
void on_sigsys(int, siginfo_t* info, void* context) {
  if (info->si_code != 1 /* SYS_SECCOMP */) return;
  const int saved = errno;
  auto* machine = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  auto& registers = machine->uc_mcontext.gregs;
  const DeniedCall call{
      info->si_syscall,
      {static_cast<std::uint64_t>(registers[REG_RDI]), static_cast<std::uint64_t>(registers[REG_RSI])}};
  void* const third = reinterpret_cast<void*>(registers[REG_RDX]);
  auto& result = registers[REG_RAX];
#elif defined(__aarch64__)
  auto& registers = machine->uc_mcontext.regs;
  const DeniedCall call{info->si_syscall, {registers[0], registers[1]}};
  void* const third = reinterpret_cast<void*>(registers[2]);
  auto& result = registers[0];
#else
#error "the registers of this architecture are not known here"
#endif
  if (info->si_syscall == SYS_fcntl &&
      grant_lock(static_cast<int>(call.arguments[0]), static_cast<int>(call.arguments[1]), third)) {
    result = 0;
  } else {
    result = static_cast<std::remove_reference_t<decltype(result)>>(info->si_syscall == SYS_socket ? -EACCES : -EPERM);
    // libc asks a name service cache whenever a user, a group or a host is looked up, and does as well without
    // (glibc, nscd/nscd_helper.c): nothing that a report should name.
    constexpr int kCacheQuestion = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const bool asks_cache = info->si_syscall == SYS_socket && static_cast<int>(call.arguments[0]) == AF_UNIX &&
                            static_cast<int>(call.arguments[1]) == kCacheQuestion;
    if (!asks_cache) report_denial(call);
  }
  errno = saved;
}

std::string family(std::uint64_t number) {
  switch (static_cast<int>(number)) {
    case AF_UNIX:
      return "AF_UNIX";
    case AF_INET:
      return "AF_INET";
    case AF_INET6:
      return "AF_INET6";
    case AF_NETLINK:
      return "AF_NETLINK";
    case AF_PACKET:
      return "AF_PACKET";
    case AF_ALG:
      return "AF_ALG";
    case AF_VSOCK:
      return "AF_VSOCK";
    default:
      return fmt::format("family {}", static_cast<std::uint32_t>(number));
  }
}

std::string namespaces(std::uint64_t flags) {
  static constexpr std::pair<std::uint64_t, const char*> kNames[] = {
      {CLONE_NEWUSER, "CLONE_NEWUSER"},    {CLONE_NEWNS, "CLONE_NEWNS"},   {CLONE_NEWPID, "CLONE_NEWPID"},
      {CLONE_NEWNET, "CLONE_NEWNET"},      {CLONE_NEWIPC, "CLONE_NEWIPC"}, {CLONE_NEWUTS, "CLONE_NEWUTS"},
      {CLONE_NEWCGROUP, "CLONE_NEWCGROUP"}};
  std::string out;
  for (const auto& [flag, name] : kNames)
    if ((flags & flag) != 0) out += (out.empty() ? "" : "|") + std::string(name);
  return out;
}

// The network setting grants TCP and UDP, and nothing else.
DenialReason reason_of_socket(const DeniedCall& call) {
  const auto domain = static_cast<int>(call.arguments[0]);
  const auto type = static_cast<int>(call.arguments[1] & 0xfU);
  const bool grantable = (domain == AF_INET || domain == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM);
  return grantable ? reason_of("socket") : DenialReason{"no setting grants sockets other than TCP and UDP", ""};
}

}  // namespace

void catch_denials() noexcept {
  struct sigaction action {};
  action.sa_sigaction = on_sigsys;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGSYS, &action, nullptr);
}

void have_own_files() noexcept { g_main = ::getpid(); }

void keep_own_files() noexcept {
  if (g_main != 0) g_main = ::getpid();
}

void report_denials_as(std::string_view mark) noexcept {
  g_marked = false;
  if (mark.size() != kMarkLength) return;
  std::memcpy(g_mark, mark.data(), kMarkLength);
  g_marked = true;
}

void report_denial(const DeniedCall& call) noexcept {
  // A node may have closed the pipe, and its next file may have taken the number.
  struct stat info {};
  if (!g_marked || ::fstat(kEventFd, &info) < 0 || !S_ISFIFO(info.st_mode)) return;
  char text[kDenialLength];
  std::memcpy(text, g_mark, kMarkLength);
  char* at = text + kMarkLength;
  *at++ = '!';
  at = put_hex(at, static_cast<std::uint32_t>(call.number), 8);
  for (const std::uint64_t argument : call.arguments) {
    *at++ = ':';
    at = put_hex(at, argument, 16);
  }
  *at++ = '\n';
  [[maybe_unused]] const ssize_t written = ::write(kEventFd, text, sizeof text);
}

bool parse_denial(std::string_view text, DeniedCall& call) {
  std::uint64_t number = 0;
  if (!take_hex(text, 8, number)) return false;
  call.number = static_cast<int>(static_cast<std::uint32_t>(number));
  for (std::uint64_t& argument : call.arguments)
    if (!take_char(text, ':') || !take_hex(text, 16, argument)) return false;
  return text == "\n";
}

Denial explain(const DeniedCall& call) {
  char* resolved = call.number < 0 ? nullptr : seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call.number);
  const std::string name = resolved == nullptr ? fmt::format("system call {}", call.number) : resolved;
  std::free(resolved);  // NOLINT: from malloc, says seccomp_syscall_resolve_num_arch(3)
  const DenialReason why = name == "socket" ? reason_of_socket(call) : reason_of(name);
  std::string argument;
  if (name == "fcntl") argument = "record lock";
  else if (name == "socket") argument = family(call.arguments[0]);
  else if (name == "unshare" || name == "clone") argument = namespaces(call.arguments[0]);
  return {argument.empty() ? name : fmt::format("{}({})", name, argument), std::string(why.reason),
          std::string(why.setting)};
}

}  // namespace qflow::sandbox
