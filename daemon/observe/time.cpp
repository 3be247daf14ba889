#include "daemon/observe/time.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace qflow {

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string iso_time(std::int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, us / 1000 % 1000);
}

std::string first_id_at(std::int64_t us) {
  const auto stamp = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)) / 1000 << 12U;
  return fmt::format("{:08x}-{:04x}-7000-8000-000000000000", stamp >> 28U, stamp >> 12U & 0xffffU);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const std::string whole(text);
  std::tm parts{};
  const char* rest = ::strptime(whole.c_str(), "%Y-%m-%d", &parts);
  if (rest == nullptr) return std::nullopt;
  std::int64_t fraction = 0;
  std::int64_t offset = 0;
  if (*rest == 'T' || *rest == ' ') {
    rest = ::strptime(rest + 1, "%H:%M:%S", &parts);
    if (rest == nullptr) return std::nullopt;
    if (*rest == '.') {
      std::int64_t unit = 100'000;
      for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) fraction += (*rest - '0') * unit;
    }
    int hours = 0, minutes = 0, length = 0;
    char sign = 0;
    if (*rest == 'Z') ++rest;
    else if (std::sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &length) == 3 && (sign == '+' || sign == '-')) {
      offset = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
      rest += length;
    }
  }
  if (*rest != '\0') return std::nullopt;
  return (static_cast<std::int64_t>(::timegm(&parts)) - offset) * 1'000'000 + fraction;
}

std::string new_id() {
  static std::mutex mutex;
  static std::uint64_t last = 0;
  std::uint64_t stamp = 0;
  {
    // 48 bits of milliseconds and 12 bits that count within one, so that ids never go backwards (RFC 9562 6.2, method
    // 1).
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
