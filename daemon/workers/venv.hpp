// Virtual environments that somebody has prepared: nodes import from them, and see them read-only. Any thread.
#pragma once
#include <string>

#include "daemon/workers/pythons.hpp"

namespace qflow::workers {

/// A directory that `python -m venv`, virtualenv, uv or conda has made.
struct Venv {
  std::string name;      ///< of the environment; another one when what is installed there has changed
  std::string path;      ///< without links
  std::string python;    ///< "3.11"
  std::string packages;  ///< its site-packages
  bool alone = true;     ///< the packages of the Python itself are not seen
  bool operator==(const Venv&) const = default;
};

/// Looks at the directory. Reads no code. Throws Fault(bad_input) that says what is wrong: it is no virtual
/// environment, or of a Python that is not in `pythons`. `option`: how the user has named it, for the message.
Venv read_venv(const std::string& path, const Pythons& pythons, const std::string& option);

}  // namespace qflow::workers
