#include "daemon/workers/venv.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "daemon/base/fault.hpp"
#include "daemon/base/fingerprint.hpp"

namespace qflow::workers {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& option, const std::string& path, const std::string& why) {
  throw Fault(FaultKind::bad_input, "invalid_venv", fmt::format("{} {}: {}", option, path, why));
}

// "3.11" of each lib/python3.11/site-packages.
std::vector<std::string> versions_in(const fs::path& path) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path / "lib", error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("python3.") && fs::is_directory(entry.path() / "site-packages", error) &&
        !entry.is_symlink(error))
      out.push_back(name.substr(6));
  }
  return out;
}

// pyvenv.cfg (PEP 405): include-system-site-packages = true. Without the file nothing else is seen.
bool sees_system(const fs::path& path) {
  std::ifstream file(path / "pyvenv.cfg");
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_first_of(" =")), value = line.substr(equals + 1);
    if (key == "include-system-site-packages") return value.find("true") != std::string::npos;
  }
  return false;
}

// Changes when something is installed or removed: its entries and when they were made.
std::string state_of(const std::string& packages) {
  constexpr std::size_t kMost = 20'000;
  std::set<std::string> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(packages, error)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0) continue;
    entries.insert(
        fmt::format("{} {} {}", entry.path().filename().string(), info.st_mtim.tv_sec, info.st_mtim.tv_nsec));
    if (entries.size() >= kMost) break;
  }
  Fingerprint print;
  for (const std::string& entry : entries) print.add(entry);
  return print.hex().substr(0, 12);
}

}  // namespace

Venv read_venv(const std::string& named, const Pythons& pythons, const std::string& option) {
  std::error_code error;
  const fs::path path = fs::canonical(named, error);
  if (error || !fs::is_directory(path)) refuse(option, named, "not a directory on this host");
  const std::vector<std::string> versions = versions_in(path);
  if (versions.empty())
    refuse(option, named,
           "not a virtual environment: it has no lib/python3.X/site-packages; make one with python3 -m venv");
  std::string known;
  for (const auto& [version, pyhost] : pythons) known += (known.empty() ? "" : ", ") + version;
  if (versions.size() > 1) refuse(option, named, "it has packages of several Pythons");
  Venv venv;
  venv.python = versions.front();
  if (pythons.count(venv.python) == 0)
    refuse(option, named,
           fmt::format("it is of Python {}, which is not installed here with Qflow; installed are {}", venv.python,
                       known));
  venv.path = path;
  venv.packages = path / "lib" / ("python" + venv.python) / "site-packages";
  venv.alone = !sees_system(path);
  venv.name = fmt::format("{} {}", venv.path, state_of(venv.packages));
  return venv;
}

}  // namespace qflow::workers
