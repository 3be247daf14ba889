#include "daemon/workers/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "sandbox/sys.hpp"

namespace qflow::workers {
namespace {

std::string_view read_proc(const std::string& path, std::array<char, 8192>& space) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t got = ::read(fd, space.data(), space.size());
  ::close(fd);
  return {space.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// The number after `key:` in status.
std::uint64_t number(std::string_view status, std::string_view key) {
  const auto at = status.find(key);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = status.substr(at + key.size());
  rest.remove_prefix(std::min(rest.find_first_of("0123456789"), rest.size()));
  std::uint64_t value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}
std::uint64_t kib(std::string_view status, std::string_view key) { return number(status, key) * 1024; }

}  // namespace

std::string status_text(pid_t pid) {
  std::array<char, 8192> space{};
  return std::string(read_proc(fmt::format("/proc/{}/status", pid), space));
}

ProcessStatus parse_status(std::string_view status) {
  const std::uint64_t counted =
      kib(status, "\nVmData:") + kib(status, "\nVmStk:") + kib(status, "\nVmExe:") + kib(status, "\nVmLib:");
  const std::uint64_t all = kib(status, "\nVmSize:");
  return {kib(status, "\nRssAnon:") + kib(status, "\nVmSwap:"), kib(status, "\nRssShmem:"), kib(status, "\nVmHWM:"),
          number(status, "\nThreads:"), all - std::min(all, counted)};
}

ProcessStatus status_of(pid_t pid) { return parse_status(status_text(pid)); }

namespace {
struct StatFields {
  // minflt cminflt majflt cmajflt utime stime cutime cstime
  std::array<std::int64_t, 8> values{};
  std::int64_t us(std::size_t field) const {
    static const long kTicks = ::sysconf(_SC_CLK_TCK);
    return values[field] * 1'000'000 / kTicks;
  }
};

StatFields read_stat(pid_t pid) {
  std::array<char, 8192> space{};
  std::string_view stat = read_proc(fmt::format("/proc/{}/stat", pid), space);
  StatFields out;
  // proc(5): the name in parentheses may hold anything; minflt is the 8th field after it, cstime the 15th.
  const auto close = stat.rfind(')');
  if (close == std::string_view::npos) return out;
  stat.remove_prefix(close + 1);
  constexpr std::size_t kFirst = 7;
  for (std::size_t field = 0; field < kFirst + out.values.size(); ++field) {
    stat.remove_prefix(std::min(stat.find_first_not_of(' '), stat.size()));
    const auto end = std::min(stat.find(' '), stat.size());
    if (field >= kFirst) std::from_chars(stat.data(), stat.data() + end, out.values[field - kFirst]);
    stat.remove_prefix(end);
  }
  return out;
}
}  // namespace

ProcessTimes times_of(pid_t pid) {
  const StatFields stat = read_stat(pid);
  ProcessTimes out{stat.us(4) + stat.us(6), stat.us(5) + stat.us(7), stat.values[0] + stat.values[1],
                   stat.values[2] + stat.values[3]};
  // Ticks are 10 ms, and most executions shorter: schedstat has the main thread's time in nanoseconds.
  std::array<char, 8192> space{};
  const std::string_view precise = read_proc(fmt::format("/proc/{}/schedstat", pid), space);
  std::int64_t ns = 0;
  std::from_chars(precise.data(), precise.data() + precise.size(), ns);
  out.user_us = std::max(out.user_us, ns / 1000 - out.system_us);
  return out;
}

// proc(5), /proc/PID/stat: the state is the first field after the name, the exit code, as waitpid(2) has it, the 50th.
std::optional<schema::Exited> exit_of(pid_t pid) {
  std::array<char, 8192> space{};
  std::string_view stat = read_proc(fmt::format("/proc/{}/stat", pid), space);
  const auto close = stat.rfind(')');
  if (close == std::string_view::npos || stat.size() < close + 3 || stat[close + 2] != 'Z') return std::nullopt;
  stat.remove_prefix(close + 1);
  constexpr int kCode = 50;
  int status = 0;
  for (int field = 1; field <= kCode; ++field) {
    stat.remove_prefix(std::min(stat.find_first_not_of(' '), stat.size()));
    const auto end = std::min(stat.find_first_of(" \n"), stat.size());
    if (field == kCode) std::from_chars(stat.data(), stat.data() + end, status);
    stat.remove_prefix(end);
  }
  const sandbox::Exit exit = sandbox::exit_of(status);
  const ProcessTimes times = times_of(pid);
  return schema::Exited{exit.code, exit.signal,        times.user_us,     times.system_us,
                        0,         times.minor_faults, times.major_faults};
}

std::int64_t own_cpu_us(pid_t pid) {
  const StatFields stat = read_stat(pid);
  return stat.us(4) + stat.us(5);
}

std::optional<std::uint64_t> proportional_memory(pid_t pid) {
  std::array<char, 8192> space{};
  const std::string_view rollup = read_proc(fmt::format("/proc/{}/smaps_rollup", pid), space);
  if (rollup.find("\nPss_Anon:") == std::string_view::npos) return std::nullopt;
  return kib(rollup, "\nPss_Anon:") + kib(rollup, "\nSwapPss:");
}

// proc(5), /proc/PID/maps: "ADDRESS-ADDRESS PERMS OFFSET DEV INODE PATH". Shared anonymous memory is a file of the
// kernel's own tmpfs, "/dev/zero (deleted)", with 's' among the permissions.
std::optional<std::map<std::uint64_t, std::uint64_t>> shared_memory(pid_t pid) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  if (!maps) return std::nullopt;
  std::map<std::uint64_t, std::uint64_t> found;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long first = 0, last = 0, offset = 0, inode = 0;
    char permissions[5] = {};
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %llu", &first, &last, permissions, &offset, &inode) != 5)
      continue;
    if (permissions[3] != 's' || !line.ends_with("/dev/zero (deleted)")) continue;
    std::uint64_t& extent = found[inode];
    extent = std::max<std::uint64_t>(extent, offset + (last - first));
  }
  return found;
}

std::optional<std::set<std::uint64_t>> sockets_of(pid_t pid) {
  std::error_code error;
  std::set<std::uint64_t> found;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    unsigned long long inode = 0;
    if (!gone && std::sscanf(target.c_str(), "socket:[%llu]", &inode) == 1) found.insert(inode);
  }
  if (error) return std::nullopt;
  return found;
}

ProcessTable::ProcessTable() {
  static const bool kernel_lists_children =
      ::access(fmt::format("/proc/self/task/{}/children", ::getpid()).c_str(), R_OK) == 0;
  if (kernel_lists_children) return;
  scanned_ = true;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc{} || end != name.data() + name.size()) continue;
    std::array<char, 8192> space{};
    std::string_view stat = read_proc(entry.path() / "stat", space);
    const auto close = stat.rfind(')');  // proc(5): then " S PPID"
    if (close == std::string_view::npos || stat.size() < close + 5) continue;
    stat.remove_prefix(close + 4);
    pid_t parent = 0;
    std::from_chars(stat.data(), stat.data() + stat.size(), parent);
    children_.emplace(parent, pid);
  }
}

void ProcessTable::append_children(pid_t parent, std::vector<pid_t>& found) const {
  if (scanned_) {
    const auto [first, last] = children_.equal_range(parent);
    for (auto at = first; at != last; ++at) found.push_back(at->second);
    return;
  }
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", parent), error)) {
    std::array<char, 8192> space{};
    std::string_view children = read_proc(task.path() / "children", space);
    pid_t child = 0;
    while (!children.empty()) {
      const auto [end, bad] = std::from_chars(children.data(), children.data() + children.size(), child);
      if (bad != std::errc{}) break;
      found.push_back(child);
      children.remove_prefix(static_cast<std::size_t>(end - children.data()));
      children.remove_prefix(std::min(children.find_first_not_of(' '), children.size()));
    }
  }
}

std::vector<pid_t> ProcessTable::tree_of(pid_t root, std::size_t limit) const {
  std::vector<pid_t> found{root};
  for (std::size_t i = 0; i < found.size() && found.size() < limit; ++i) append_children(found[i], found);
  return found;
}

}  // namespace qflow::workers
