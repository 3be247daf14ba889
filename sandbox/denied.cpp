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

bool g_has_own_files = false;

// Whether somebody else has a lock (fcntl(2), F_GETLK) is a question whose answer is old when it comes. On a worker's
// own files it is always "nobody": who then takes a lock finds out. SQLite asks it in WAL mode.
bool answer_lock_question(int fd, int command, void* argument) noexcept {
  if (command != F_GETLK || !g_has_own_files) return false;
  struct stat info {};
  if (::fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return false;
  for (const char* path : {"/tmp", "/dev/shm", kWorkDirectory.data()}) {
    struct stat own {};
    if (::stat(path, &own) != 0 || own.st_dev != info.st_dev) continue;
    static_cast<struct flock*>(argument)->l_type = F_UNLCK;
    return true;
  }
  return false;
}

// sigaction(2), SIGSYS: si_syscall is the call; the arguments are still in the registers, and what is put in the
// register of the result is what the caller gets (seccomp(2), SECCOMP_RET_TRAP).
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
      answer_lock_question(static_cast<int>(call.arguments[0]), static_cast<int>(call.arguments[1]), third)) {
    result = 0;
  } else {
    result = static_cast<std::remove_reference_t<decltype(result)>>(info->si_syscall == SYS_socket ? -EACCES : -EPERM);
    report_denial(call);
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

}  // namespace

void catch_denials() noexcept {
  struct sigaction action {};
  action.sa_sigaction = on_sigsys;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGSYS, &action, nullptr);
}

void have_own_files() noexcept { g_has_own_files = true; }

void report_denials_as(std::string_view mark) noexcept {
  if (mark.size() != kMarkLength) return;
  std::memcpy(g_mark, mark.data(), kMarkLength);
  g_marked = true;
}

void report_denial(const DeniedCall& call) noexcept {
  if (!g_marked) return;
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
  // Best effort: a node may have closed it.
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
  const DenialReason why = reason_of(name);
  std::string argument;
  if (name == "fcntl") argument = call.arguments[1] == F_GETLK ? "F_GETLK" : std::to_string(call.arguments[1]);
  else if (name == "socket") argument = family(call.arguments[0]);
  else if (name == "unshare" || name == "clone") argument = namespaces(call.arguments[0]);
  return {argument.empty() ? name : fmt::format("{}({})", name, argument), std::string(why.reason),
          std::string(why.setting)};
}

}  // namespace qflow::sandbox
