#include "daemon/base/time.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>

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

}  // namespace qflow
