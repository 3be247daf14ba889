// A node's code, loaded into an interpreter without a sandbox.
#pragma once
#include "pyhost/node/modules.hpp"

namespace qflow::test {

inline schema::Loaded load(pyhost::Modules& modules, std::uint32_t id, const std::string& code,
                           schema::Load load = {}) {
  if (load.file.empty()) load.file = "node.py";
  return modules.load(id, load, code);
}

}  // namespace qflow::test
