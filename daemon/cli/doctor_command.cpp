#include "daemon/cli/doctor_command.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>

#include "daemon/cli/proof.hpp"
#include "daemon/cli/runtime.hpp"
#include "sandbox/sys.hpp"
#include "sandbox/syscalls.hpp"

namespace qflow::cli {
namespace {

constexpr const char* kMeaning[] = {
    "nothing: code is refused", "no namespaces: code is refused unless --min-isolation 1 is given",
    "every wall but cgroup limits, which rlimits and the daemon's watch replace", "everything"};

int print_json(const sandbox::HostReport& report, const std::vector<Proof>& proofs, bool refused) {
  boost::json::array findings;
  for (const auto& f : report.findings)
    findings.push_back({{"mechanism", f.mechanism},
                        {"available", f.available},
                        {"detail", f.detail},
                        {"remedy", f.remedy},
                        {"needed_from_level", f.needed_from}});
  boost::json::array pythons;
  for (const Proof& one : proofs)
    pythons.push_back({{"version", one.version}, {"pyhost", one.pyhost}, {"runs", one.runs}, {"detail", one.detail}});
  fmt::print("{}\n", boost::json::serialize(boost::json::object{
                         {"level", report.level}, {"refused", refused}, {"findings", findings}, {"pythons", pythons}}));
  return refused ? kFailed : kOk;
}

// The output of a pyhost that is called by hand.
std::string output_of(const std::string& program, const char* option) {
  auto [read_end, write_end] = sandbox::make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  std::array<char*, 3> arguments{const_cast<char*>(program.c_str()), const_cast<char*>(option), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw sandbox::SysError(error, fmt::format("posix_spawn({})", program));
  sandbox::ChildProcess child(pid);
  write_end.reset();
  std::string text;
  std::array<char, 4096> bytes{};
  ssize_t got = 0;
  while ((got = sandbox::retry([&] { return ::read(read_end.get(), bytes.data(), bytes.size()); })) > 0)
    text.append(bytes.data(), static_cast<std::size_t>(got));
  child.wait();
  return text;
}

// What a node gets when it asks for nothing: its zygote's policy, the mounts that Python needs, and the resulting
// system calls.
int print_policy(const config::Config& config) {
  const workers::Settings settings = make_settings(config);
  sandbox::Policy policy;
  policy.limits = settings.limits;
  for (const std::string& directory : settings.shared) policy.mounts.push_back({directory, false});
  const std::string& pyhost = workers::pyhost_for(settings.pythons, settings.default_python);
  fmt::print("{}{}\n{}", sandbox::to_text(policy), output_of(pyhost, "--mounts"), sandbox::describe_rules(policy));
  return kOk;
}

}  // namespace

int doctor(const config::Config& config, bool json, bool policy) {
  if (policy) return print_policy(config);
  const int required = static_cast<int>(config.sandbox.min_isolation);
  workers::Settings settings;
  settings.pythons = workers::find_pythons(config.python.pyhost_dir);
  sandbox::HostReport report = sandbox::probe_host(settings.worker_uid);
  std::vector<Proof> proofs;
  if (report.level >= required && !settings.pythons.empty()) {
    settings = make_settings(config);
    // What looks available may not be: this takes the cgroups, and the line of each Python runs behind every wall.
    Isolation isolation = require_isolation(settings, 0);
    report = std::move(isolation.report);
    if (report.level >= required) proofs = prove_pythons(settings, report.level);
  }
  if (proofs.empty())
    for (const auto& [version, path] : settings.pythons)
      proofs.push_back({version, path, false, fmt::format("not tried: level {} is required", required)});
  const int level = report.level;
  const bool all_run = std::all_of(proofs.begin(), proofs.end(), [](const Proof& one) { return one.runs; });
  const bool refused = level < required || proofs.empty() || !all_run;
  if (json) return print_json(report, proofs, refused);
  fmt::print("{:<30} {:<5} {}\n", "MECHANISM", "HERE", "DETAIL");
  for (const auto& f : report.findings) {
    fmt::print("{:<30} {:<5} {}\n", f.mechanism, f.available ? "yes" : "NO", f.detail);
    if (!f.available && !f.remedy.empty()) fmt::print("{:<36} → {}\n", "", f.remedy);
  }
  for (const Proof& one : proofs)
    fmt::print("{:<30} {:<5} {}\n", "Python " + one.version, one.runs ? "yes" : "NO", printable(one.detail));
  if (proofs.empty()) fmt::print("{:<30} {:<5} no pyhost-X.Y next to qflow; see --pyhost-dir\n", "Python", "NO");
  fmt::print("\nIsolation level {}: {}\n", level, kMeaning[level]);
  if (proofs.empty()) fmt::print("Code would be REFUSED: there is no Python.\n");
  else if (level < required) fmt::print("Code would be REFUSED: level {} is required.\n", required);
  else if (!all_run) fmt::print("Code would FAIL on the Pythons above that did not start.\n");
  return refused ? kFailed : kOk;
}

}  // namespace qflow::cli
