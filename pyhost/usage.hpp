// What one load or call used. Worker process.
#pragma once
#include "schema/messages.hpp"

namespace qflow::pyhost {

/// Measures from one question to the next: each load and call is told what was used since the one before it.
class UsageMeter {
 public:
  UsageMeter() { take(false); }
  /// Since the last take(): CPU and faults of this process and of the children it has waited for (getrusage(2)), bytes
  /// by which its tmpfs grew (statfs(2)) if `files`, otherwise they count with the next take that asks. Makes system
  /// calls and nothing else.
  schema::Used take(bool files = true) noexcept;

 private:
  schema::Used last_;
};

}  // namespace qflow::pyhost
