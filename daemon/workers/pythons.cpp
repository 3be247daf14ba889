#include "daemon/workers/pythons.hpp"

#include <fmt/format.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/base/fault.hpp"

namespace qflow::workers {
namespace fs = std::filesystem;

bool NumericOrder::operator()(const std::string& a, const std::string& b) const {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

Pythons find_pythons(const std::string& directory) {
  Pythons found;
  std::error_code error;
  fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  // Without /proc: as the program was called (getauxval(3)).
  if (error) own = fs::absolute(reinterpret_cast<const char*>(::getauxval(AT_EXECFN)), error).parent_path();
  const auto look = [&](const fs::path& where) {
    for (const auto& entry : fs::directory_iterator(where, error)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("pyhost-3.") && ::access(entry.path().c_str(), X_OK) == 0)
        found.emplace(name.substr(7), entry.path());
    }
  };
  if (!directory.empty()) {
    look(directory);
  } else {
    look(own);
    look(own / "../libexec/qflow");
  }
  return found;
}

std::string default_python(const Pythons& pythons) {
  if (pythons.empty()) return {};
  return pythons.count("3.11") != 0 ? "3.11" : pythons.rbegin()->first;
}

const std::string& pyhost_for(const Pythons& pythons, const std::string& version) {
  auto found = pythons.find(version);
  if (found == pythons.end()) {
    // "3.11.4" asks for 3.11.
    const auto second = version.find('.', version.find('.') + 1);
    if (second != std::string::npos) found = pythons.find(version.substr(0, second));
  }
  if (found != pythons.end()) return found->second;
  std::string known;
  for (const auto& [name, path] : pythons) known += (known.empty() ? "" : ", ") + name;
  throw Fault(FaultKind::bad_input, "unknown_python_version",
              fmt::format("python_version: \"{}\" is not installed here; available: {}", version,
                          known.empty() ? "none" : known));
}

}  // namespace qflow::workers
