#include "sandbox/policy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

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

}  // namespace

std::string to_text(const Policy& policy) {
  std::string out = fmt::format(
      "memory {}\ntmp {}\nprocesses {}\nopen_files {}\ncpu_seconds {}\nprograms {:d}\nlayers {}\nhost_uid {}\n",
      policy.limits.memory, policy.limits.tmp, policy.limits.processes, policy.limits.open_files,
      policy.limits.cpu_seconds, policy.programs, policy.layers, policy.host_uid);
  for (const Mount& mount : policy.mounts) {
    if (mount.path.find('\n') != std::string::npos) throw std::invalid_argument("mount path with a line break");
    out += fmt::format("{} {}\n", mount.optional ? "mount?" : "mount", mount.path);
  }
  return out;
}

Policy policy_from_text(std::string_view text) {
  Policy policy;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) throw std::invalid_argument(fmt::format("policy line \"{}\": no value", line));
    const std::string_view key = line.substr(0, space);
    const std::string_view value = line.substr(space + 1);
    if (key == "memory") policy.limits.memory = number<std::uint64_t>(line, value);
    else if (key == "tmp") policy.limits.tmp = number<std::uint64_t>(line, value);
    else if (key == "processes") policy.limits.processes = number<std::uint32_t>(line, value);
    else if (key == "open_files") policy.limits.open_files = number<std::uint32_t>(line, value);
    else if (key == "cpu_seconds") policy.limits.cpu_seconds = number<std::uint32_t>(line, value);
    else if (key == "programs") policy.programs = number<int>(line, value) != 0;
    else if (key == "layers") policy.layers = number<std::uint32_t>(line, value);
    else if (key == "host_uid") policy.host_uid = number<uid_t>(line, value);
    else if (key == "mount") policy.mounts.push_back({std::string(value), false});
    else if (key == "mount?") policy.mounts.push_back({std::string(value), true});
    else throw std::invalid_argument(fmt::format("policy line \"{}\": unknown key", line));
  }
  if (policy.host_uid == 0) throw std::invalid_argument("policy host_uid 0: a sandbox is never mapped to root");
  return policy;
}

}  // namespace qflow::sandbox
