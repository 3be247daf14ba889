#include "sandbox/policy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

namespace qflow::sandbox {
namespace {

template <class T>
T number(std::string_view line, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument(fmt::format("policy line \"{}\": not a number in range", line));
  return value;
}

Network network(std::string_view line, std::string_view text) {
  for (const Network one : {Network::none, Network::host})
    if (text == word(one)) return one;
  throw std::invalid_argument(fmt::format("policy line \"{}\": expected none or host", line));
}

// Calls `take(line, key, value)` for each line.
template <class Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) throw std::invalid_argument(fmt::format("policy line \"{}\": no value", line));
    if (!take(line, line.substr(0, space), line.substr(space + 1)))
      throw std::invalid_argument(fmt::format("policy line \"{}\": unknown key", line));
  }
}

bool take_limit(Limits& limits, std::string_view line, std::string_view key, std::string_view value) {
  if (key == "memory") limits.memory = number<std::uint64_t>(line, value);
  else if (key == "tmp") limits.tmp = number<std::uint64_t>(line, value);
  else if (key == "processes") limits.processes = number<std::uint32_t>(line, value);
  else if (key == "cpu_millis") limits.cpu_millis = number<std::uint32_t>(line, value);
  else if (key == "open_files") limits.open_files = number<std::uint32_t>(line, value);
  else if (key == "cpu_seconds") limits.cpu_seconds = number<std::uint32_t>(line, value);
  else return false;
  return true;
}

}  // namespace

std::string to_text(const Limits& limits) {
  return fmt::format("memory {}\ntmp {}\nprocesses {}\ncpu_millis {}\nopen_files {}\ncpu_seconds {}\n", limits.memory,
                     limits.tmp, limits.processes, limits.cpu_millis, limits.open_files, limits.cpu_seconds);
}

Limits limits_from_text(std::string_view text, Limits limits) {
  each_line(text, [&](auto line, auto key, auto value) { return take_limit(limits, line, key, value); });
  return limits;
}

std::string above(const Limits& asked, const Limits& allowed) {
  const std::pair<const char*, std::pair<std::uint64_t, std::uint64_t>> all[] = {
      {"memory", {asked.memory, allowed.memory}},
      {"tmp", {asked.tmp, allowed.tmp}},
      {"processes", {asked.processes, allowed.processes}},
      {"cpu_millis", {asked.cpu_millis, allowed.cpu_millis}},
      {"open_files", {asked.open_files, allowed.open_files}},
      {"cpu_seconds", {asked.cpu_seconds, allowed.cpu_seconds}},
  };
  for (const auto& [name, values] : all)
    if (values.first > values.second) return fmt::format("{} {} is above {}", name, values.first, values.second);
  return {};
}

std::string to_text(const Policy& policy) {
  std::string out =
      to_text(policy.limits) + fmt::format("network {}\nprograms {:d}\nlayers {}\nhost_uid {}\n", word(policy.network),
                                           policy.programs, policy.layers, policy.host_uid);
  for (const Mount& mount : policy.mounts) {
    if (mount.path.find('\n') != std::string::npos) throw std::invalid_argument("mount path with a line break");
    out += fmt::format("{} {}\n", mount.optional ? "mount?" : "mount", mount.path);
  }
  return out;
}

Policy policy_from_text(std::string_view text) {
  Policy policy;
  each_line(text, [&](std::string_view line, std::string_view key, std::string_view value) {
    if (take_limit(policy.limits, line, key, value)) return true;
    if (key == "network") policy.network = network(line, value);
    else if (key == "programs") policy.programs = number<int>(line, value) != 0;
    else if (key == "layers") policy.layers = number<std::uint32_t>(line, value);
    else if (key == "host_uid") policy.host_uid = number<uid_t>(line, value);
    else if (key == "mount") policy.mounts.push_back({std::string(value), false});
    else if (key == "mount?") policy.mounts.push_back({std::string(value), true});
    else return false;
    return true;
  });
  if (policy.host_uid == 0) throw std::invalid_argument("policy host_uid 0: a sandbox is never mapped to root");
  return policy;
}

std::vector<Mount> granted_mounts(const Policy& policy) {
  std::vector<Mount> mounts;
  const auto add = [&](std::initializer_list<const char*> paths) {
    for (const char* path : paths) mounts.push_back({path, true});
  };
  if (policy.programs) add({"/usr/bin", "/usr/share/terminfo"});
  if (policy.network == Network::host)
    add({"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/ssl/certs",
         "/etc/ssl/openssl.cnf", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"});
  return mounts;
}

}  // namespace qflow::sandbox
