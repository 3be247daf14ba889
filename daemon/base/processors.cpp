#include "daemon/base/processors.hpp"

#include <algorithm>
#include <thread>

namespace qflow {

unsigned processors() {
  static const unsigned kCount = std::max(1U, std::thread::hardware_concurrency());
  return kCount;
}

}  // namespace qflow
