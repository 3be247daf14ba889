#include "sandbox/selfcheck.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace qflow::sandbox {
namespace {

constexpr std::uint32_t bit(Check check) { return static_cast<std::uint32_t>(check); }

bool opens(const char* path) noexcept {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

bool has_no_capabilities() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) < 0) return false;
  for (const auto& set : sets)
    if ((set.effective | set.permitted | set.inheritable) != 0) return false;
  for (int cap = 0; cap < 64; ++cap)
    if (::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) return false;
  return true;
}

// The value after `key:` in /proc/PID/status.
std::string_view field(std::string_view status, std::string_view key) {
  const std::string start = fmt::format("\n{}:", key);
  const auto at = status.find(start);
  if (at == std::string_view::npos) return {};
  std::string_view value = status.substr(at + start.size());
  value = value.substr(0, value.find('\n'));
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  return value;
}

}  // namespace

std::uint32_t expected_checks(const Policy& policy, Role role) {
  std::uint32_t bits = bit(Check::not_root) | bit(Check::not_dumpable);
  if (policy.has(Layer::no_new_privs)) bits |= bit(Check::no_new_privs);
  if (policy.has(Layer::seccomp)) bits |= bit(Check::seccomp) | bit(Check::no_sockets);
  // Without a user namespace of its own it cannot empty the bounding set: the daemon looks at the others from outside.
  if (policy.has(Layer::capabilities) && policy.has(Layer::user_namespace)) bits |= bit(Check::no_capabilities);
  if (policy.has(Layer::pid_namespace) && role == Role::worker) bits |= bit(Check::own_pid_namespace);
  if (policy.has(Layer::mount_namespace))
    bits |= bit(Check::host_file_closed) | bit(Check::own_tmp) | bit(Check::root_read_only);
  return bits;
}

std::uint32_t run_checks() noexcept {
  std::uint32_t held = 0;
  const auto note = [&](Check check, bool ok) {
    if (ok) held |= bit(check);
  };
  note(Check::no_new_privs, ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  note(Check::seccomp, ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
  note(Check::no_capabilities, has_no_capabilities());
  note(Check::not_root, ::getuid() != 0 && ::geteuid() != 0);
  note(Check::own_pid_namespace, ::getpid() == 1);
  note(Check::host_file_closed, !opens("/etc/shadow") && !opens("/proc/self/status") && !opens("/sys/kernel"));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket >= 0) ::close(socket);
  note(Check::no_sockets, socket < 0);
  struct statfs tmp {};
  note(Check::own_tmp, ::statfs("/tmp", &tmp) == 0 && tmp.f_type == TMPFS_MAGIC);
  struct statfs root {};
  note(Check::root_read_only, ::statfs("/", &root) == 0 && (root.f_flags & ST_RDONLY) != 0);
  note(Check::not_dumpable, ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
  return held;
}

std::string check_names(std::uint32_t missing) {
  static constexpr const char* kNames[] = {"no_new_privs",      "seccomp",          "no_capabilities", "not_root",
                                           "own_pid_namespace", "host_file_closed", "no_sockets",      "own_tmp",
                                           "root_read_only",    "not_dumpable"};
  std::string out;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if ((missing >> i & 1U) != 0) out += (out.empty() ? "" : ", ") + std::string(kNames[i]);
  return out;
}

std::string inspect_from_outside(std::string_view status, const Policy& policy, Role role) {
  std::string wrong;
  const auto expect = [&](bool wanted, std::string_view key, auto good) {
    const std::string_view value = field(status, key);
    if (wanted && !good(value)) wrong += fmt::format("{}{} is \"{}\"", wrong.empty() ? "" : ", ", key, value);
  };
  const auto zero = [](std::string_view v) { return !v.empty() && v.find_first_not_of('0') == std::string_view::npos; };
  expect(policy.has(Layer::no_new_privs), "NoNewPrivs", [](auto v) { return v == "1"; });
  expect(policy.has(Layer::seccomp), "Seccomp", [](auto v) { return v == "2"; });
  const bool bounded = policy.has(Layer::user_namespace);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"})
    expect(policy.has(Layer::capabilities) && (bounded || set != std::string_view("CapBnd")), set, zero);
  expect(true, "Uid", [](auto v) { return !v.empty() && !v.starts_with("0\t"); });
  // One number for each nested PID namespace: the daemon's, the zygote's, the worker's own, in which it is 1, and a
  // branch another.
  expect(policy.has(Layer::pid_namespace), "NSpid", [&](auto v) {
    return std::count(v.begin(), v.end(), '\t') >= 2 && v.ends_with("\t1") == (role == Role::worker);
  });
  return wrong;
}

}  // namespace qflow::sandbox
