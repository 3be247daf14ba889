// The waiting time that a refusal names. Any thread.
#pragma once
#include <algorithm>
#include <chrono>

#include "daemon/base/async.hpp"

namespace qflow::auth {

/// Until `when` in whole seconds, rounded up; 1 at least.
inline std::chrono::seconds seconds_until(Clock::time_point when) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(when - Clock::now()), std::chrono::seconds(1));
}

}  // namespace qflow::auth
