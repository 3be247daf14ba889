// The resources that one load or call used. Worker process.
#pragma once
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Measures from one take() to the next: each load or call gets what was used since the one before it.
class UsageMeter {
 public:
  UsageMeter() { take(false); }
  /// Use since the last take(): CPU and faults of this process and of the children it has waited for (getrusage(2)),
  /// and, if `files`, bytes by which its tmpfs grew (statfs(2)); otherwise they count in the next take() with `files`.
  /// Makes system calls and nothing else.
  schema::Used take(bool files = true) noexcept;

 private:
  schema::Used last_;
};

}  // namespace qflow::pyhost
