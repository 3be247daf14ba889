#include "daemon/cli/runtime.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {

std::string default_data_dir() {
  if (const char* dir = std::getenv("QFLOW_DATA_DIR"); dir != nullptr && *dir != '\0') return dir;
  if (const char* dir = std::getenv("XDG_DATA_HOME"); dir != nullptr && *dir == '/') return std::string(dir) + "/qflow";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.local/share/qflow";
  return "/var/lib/qflow";
}

namespace {

constexpr const char* kNoVenv = "none";
// Shown at the same path inside, so it must neither hide what a sandbox needs there nor show the whole host.
std::string shared_directory(const std::string& named, const std::string& data_dir,
                             const std::string& option = "--share") {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path path = fs::canonical(named, error);
  if (error || !fs::is_directory(path))
    throw Fault(FaultKind::bad_input, "no_directory",
                fmt::format("{} {}: not a directory on this host", option, named));
  for (const char* taken :
       {"/", "/proc", "/sys", "/dev", "/tmp", "/node", "/etc", "/usr", "/run", "/root", "/home", "/var"})
    if (path == taken)
      throw Fault(FaultKind::bad_input, "not_shareable",
                  fmt::format("{} {}: too much of the host; name a directory below it", option, named));
  for (const char* below : {"/proc/", "/sys/", "/dev/", "/tmp/", "/node/"})
    if (path.string().starts_with(below))
      throw Fault(FaultKind::bad_input, "not_shareable",
                  fmt::format("{} {}: every sandbox has its own {} there", option, named, below));
  // No node may read the record, the files of every execution or the token.
  const std::string data = fs::weakly_canonical(data_dir, error).string() + "/";
  const std::string shared = path.string() + "/";
  if (data.starts_with(shared) || shared.starts_with(data))
    throw Fault(
        FaultKind::bad_input, "not_shareable",
        fmt::format("{} {}: the data directory {} with the token is there; choose another", option, named, data_dir));
  return path;
}

// Nodes see all of it, read-only.
workers::Venv prepared_venv(const std::string& path, const workers::Pythons& pythons, const std::string& data_dir,
                            const std::string& option) {
  const std::string directory = shared_directory(path, data_dir, option);
  if (std::any_of(directory.begin(), directory.end(), [](unsigned char c) { return c < 0x20; }))
    throw Fault(FaultKind::bad_input, "invalid_venv", fmt::format("{}: control characters in its name", option));
  return workers::read_venv(directory, pythons, option);
}

void take_venvs(const config::Config& config, workers::Settings& settings) {
  for (const std::string& path : config.environments.directories) {
    workers::Venv venv = prepared_venv(path, settings.pythons, config.data_dir, "--environment");
    const std::string name = venv.path.substr(venv.path.rfind('/') + 1);
    if (settings.named_venv(name) != nullptr)
      throw Fault(FaultKind::bad_input, "invalid_venv", fmt::format("--environment: two are called {}", name));
    settings.venvs.push_back(std::move(venv));
  }
  if (config.python.venv.empty() || config.python.venv == kNoVenv) return;
  settings.venvs.push_back(prepared_venv(config.python.venv, settings.pythons, config.data_dir, "--venv"));
  settings.venv = settings.venvs.size() - 1;
  if (config.python.default_version.empty()) settings.default_python = settings.venvs.back().python;
}
}  // namespace

config::Config load_config(const std::string& path, const config::Overrides& overrides) {
  config::Config config;
  const std::string file = path.empty() ? config::default_file() : path;
  if (!file.empty()) config::read_file(file, config);
  config::read_environment(config);
  config::apply(overrides, config);
  config::check(config);
  if (config.data_dir.empty()) config.data_dir = default_data_dir();
  return config;
}

workers::Settings make_settings(const config::Config& config) {
  const config::SandboxSection& sandbox = config.sandbox;
  const std::string& dir = config.python.pyhost_dir;
  workers::Settings settings;
  settings.pythons = workers::find_pythons(dir);
  if (settings.pythons.empty())
    throw Fault(FaultKind::unavailable, "no_python",
                dir.empty() ? "no pyhost-X.Y was found next to qflow or in ../libexec/qflow; build one, or name its "
                              "directory with --pyhost-dir"
                            : fmt::format("no pyhost-X.Y was found in {}", dir));
  settings.default_python = workers::default_python(settings.pythons);
  if (!config.python.default_version.empty()) {
    workers::pyhost_for(settings.pythons, config.python.default_version);
    settings.default_python = config.python.default_version;
  }
  settings.node_seconds = sandbox.timeout;
  settings.max_node_seconds = sandbox.max_timeout;
  settings.idle_minutes = config.engine.idle_minutes;
  settings.limits.memory = sandbox.memory_mib << 20U;
  settings.limits.tmp = sandbox.tmp_mib << 20U;
  settings.limits.processes = static_cast<std::uint32_t>(sandbox.processes);
  settings.limits.cpu_millis = static_cast<std::uint32_t>(std::lround(sandbox.cpu * 1000));
  settings.output_bytes = sandbox.output_kib << 10U;
  settings.allow_network = sandbox.allow_network;
  settings.allow_programs = sandbox.allow_programs;
  for (const std::string& directory : sandbox.share)
    settings.shared.push_back(shared_directory(directory, config.data_dir));
  take_venvs(config, settings);
  return settings;
}

std::string use_active_venv(config::Config& config) {
  const char* active = std::getenv("VIRTUAL_ENV");
  if (active == nullptr || *active == '\0' || !config.python.venv.empty()) return {};
  try {
    prepared_venv(active, workers::find_pythons(config.python.pyhost_dir), config.data_dir, "$VIRTUAL_ENV");
  } catch (const Fault& fault) {
    return "the active virtual environment is not used: " + fault.message;
  }
  config.python.venv = active;
  return fmt::format("packages of {} ($VIRTUAL_ENV; --venv names another, or none)", active);
}

std::string Isolation::missing() const {
  boost::json::array names;
  for (const auto& finding : report.findings)
    if (!finding.available) names.push_back(boost::json::value(finding.mechanism));
  return boost::json::serialize(names);
}

Isolation require_isolation(workers::Settings& settings, int min_isolation) {
  Isolation out{sandbox::probe_host(settings.worker_uid), nullptr};
  sandbox::HostReport& report = out.report;
  if (report.level < 2) settings.layers = sandbox::kWithoutNamespaces;
  if (report.level == 3) {
    std::string problem;
    out.cgroups = sandbox::CgroupTree::claim(settings.worker_uid, problem);
    settings.cgroups = out.cgroups.get();
    if (!out.cgroups) sandbox::mark_missing(report, sandbox::kCgroupMechanism, problem);
  }
  if (report.level >= min_isolation) return out;
  std::string why;
  for (const auto& finding : report.findings)
    if (!finding.available && finding.needed_from <= min_isolation && !finding.remedy.empty())
      why += fmt::format("\n  {}: {}. {}", finding.mechanism, finding.detail, finding.remedy);
  throw Fault(FaultKind::unavailable, "isolation",
              fmt::format("this host gives isolation level {}, but {} is required; no code is run.{}\n`qflow doctor` "
                          "shows the details; a lower --min-isolation requires less, at your own risk",
                          report.level, min_isolation, why));
}

void replace_file(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string partial = path + ".partial";
  try {
    ::unlink(partial.c_str());
    const sandbox::UniqueFd fd = sandbox::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (sandbox::write_all(fd.get(), bytes) && ::fsync(fd.get()) == 0 &&
        std::rename(partial.c_str(), path.c_str()) == 0)
      return;
    ::unlink(partial.c_str());
    throw Fault(FaultKind::unavailable, "unwritable", fmt::format("{} could not be written", path));
  } catch (const sandbox::SysError& error) {
    throw Fault(FaultKind::bad_input, "unwritable", fmt::format("{}: {}", path, error.code().message()));
  }
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // C1 controls (U+0080 to U+009F: terminals obey them, too) and the marks that change the direction of writing.
    const std::string_view next = text.substr(i, 3);
    const bool c1 = next.size() > 1 && next[0] == '\xC2' && static_cast<unsigned char>(next[1]) < 0xA0;
    const auto last = next.size() > 2 ? static_cast<unsigned char>(next[2]) : 0U;
    const bool turn =
        (next.starts_with("\xE2\x80") && (last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE))) ||
        (next.starts_with("\xE2\x81") && last >= 0xA6 && last <= 0xA9);
    if (c1 || turn) {
      out += "\uFFFD";
      i += c1 ? 1 : 2;
      continue;
    }
    const auto u = static_cast<unsigned char>(c);
    if (u == '\n' || u == '\t' || (u >= 0x20 && u != 0x7f)) out += c;
    else if (u == 0x7f) out += "\u2421";
    else out += {'\xE2', '\x90', static_cast<char>(0x80 + u)};  // U+2400 and on: pictures of the control characters
  }
  return out;
}

}  // namespace qflow::cli
