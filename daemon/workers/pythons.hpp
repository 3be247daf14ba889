// The pyhost executables of this installation. Any thread.
#pragma once
#include <map>
#include <string>

namespace qflow::workers {

/// "3.9" before "3.11".
struct NumericOrder {
  bool operator()(const std::string& a, const std::string& b) const;
};
/// Python version ("3.11") → path of its pyhost, versions in numeric order.
using Pythons = std::map<std::string, std::string, NumericOrder>;

/// Looks in `directory` if it is not empty, otherwise next to this executable and in ../libexec/qflow.
Pythons find_pythons(const std::string& directory);

/// The version that runs when none is named: 3.11, which every Debian 12 has, otherwise the newest.
std::string default_python(const Pythons& pythons);

/// The path for `version` ("3.11" or "3.11.4"). Throws a Fault that lists the installed versions.
const std::string& pyhost_for(const Pythons& pythons, const std::string& version);

}  // namespace qflow::workers
