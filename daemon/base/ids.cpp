#include "daemon/base/ids.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <mutex>

#include "daemon/base/time.hpp"

namespace qflow {

std::string first_id_at(std::int64_t us) {
  const auto stamp = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)) / 1000 << 12U;
  return fmt::format("{:08x}-{:04x}-7000-8000-000000000000", stamp >> 28U, stamp >> 12U & 0xffffU);
}

std::string new_id() {
  static std::mutex mutex;
  static std::uint64_t last = 0;
  std::uint64_t stamp = 0;
  {
    // 48 bits of milliseconds and a 12-bit counter within a millisecond, so that ids never go backwards (RFC 9562 6.2,
    // method 1).
    const std::lock_guard lock(mutex);
    stamp = std::max(static_cast<std::uint64_t>(now_us()) / 1000 << 12U, last + 1);
    last = stamp;
  }
  std::uint64_t tail = 0;
  randombytes_buf(&tail, sizeof tail);
  tail = (tail & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", stamp >> 28U, stamp >> 12U & 0xffffU, stamp & 0xfffU,
                     tail >> 48U, tail & 0xffffffffffffULL);
}

}  // namespace qflow
