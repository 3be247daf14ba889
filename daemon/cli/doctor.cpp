#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "daemon/cli/commands.hpp"
#include "sandbox/syscalls.hpp"

namespace qflow::cli {
namespace {

constexpr const char* kMeaning[] = {
    "nothing: code is refused", "no namespaces: code is refused unless --min-isolation 1 is given",
    "every wall but cgroup limits, which rlimits and the daemon's watch replace", "everything"};

int print_json(const sandbox::HostReport& report, const workers::Settings& settings, bool refused) {
  boost::json::array findings;
  for (const auto& f : report.findings)
    findings.push_back({{"mechanism", f.mechanism},
                        {"available", f.available},
                        {"detail", f.detail},
                        {"remedy", f.remedy},
                        {"needed_from_level", f.needed_from}});
  boost::json::array pythons;
  for (const auto& [version, path] : settings.pythons) pythons.push_back({{"version", version}, {"pyhost", path}});
  fmt::print("{}\n", boost::json::serialize(boost::json::object{{"level", report.level},
                                                                {"refused", refused},
                                                                {"findings", findings},
                                                                {"pythons", pythons}}));
  return refused ? kFailed : kOk;
}

// What a node gets that asks for nothing, word for word as its zygote gets it, and the system calls that follow.
int print_policy(const Common& common) {
  const workers::Settings settings = make_settings(common);
  sandbox::Policy policy;
  policy.limits = settings.limits;
  for (const std::string& directory : settings.shared) policy.mounts.push_back({directory, false});
  fmt::print("{}\n{}", sandbox::to_text(policy), sandbox::describe_rules(policy));
  return kOk;
}

}  // namespace

int doctor(const Common& common, bool json, bool policy) {
  if (policy) return print_policy(common);
  workers::Settings settings;
  settings.pythons = workers::find_pythons(common.pyhost_dir);
  const sandbox::HostReport report = sandbox::probe_host(settings.worker_uid);
  const int level = report.level;
  const bool refused = level < common.min_isolation || settings.pythons.empty();
  if (json) return print_json(report, settings, refused);
  fmt::print("{:<30} {:<5} {}\n", "MECHANISM", "HERE", "DETAIL");
  for (const auto& f : report.findings) {
    fmt::print("{:<30} {:<5} {}\n", f.mechanism, f.available ? "yes" : "NO", f.detail);
    if (!f.available) fmt::print("{:<36} → {}\n", "", f.remedy);
  }
  std::string versions;
  for (const auto& [version, path] : settings.pythons) versions += (versions.empty() ? "" : ", ") + version;
  fmt::print("{:<30} {:<5} {}\n", "Python", versions.empty() ? "NO" : "yes",
             versions.empty() ? "no pyhost-X.Y beside qflow; see --pyhost-dir" : versions);
  fmt::print("\nIsolation level {}: {}\n", level, kMeaning[level]);
  if (refused)
    fmt::print("Code would be REFUSED: level {} is asked for{}.\n", common.min_isolation,
               settings.pythons.empty() ? ", and there is no Python" : "");
  return refused ? kFailed : kOk;
}

}  // namespace qflow::cli
