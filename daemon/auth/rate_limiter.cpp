#include "daemon/auth/rate_limiter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/auth/seconds_until.hpp"

namespace qflow::auth {
namespace {
constexpr std::size_t kMostClients = 100'000;
constexpr auto kWindow = std::chrono::hours(1);

const char* setting_of(Rate rate) {
  switch (rate) {
    case Rate::executions:
      return "auth.executions_per_hour";
    case Rate::containers:
      return "auth.containers_per_hour";
    case Rate::webhooks:
      return "auth.webhooks_per_hour";
    default:
      return "auth.requests_per_hour";
  }
}

}  // namespace

std::uint64_t RateLimits::of(Rate rate) const {
  switch (rate) {
    case Rate::none:
      return 0;
    case Rate::standard:
      return standard;
    case Rate::executions:
      return executions;
    case Rate::containers:
      return containers;
    case Rate::webhooks:
      return webhooks;
  }
  return 0;
}

void RateLimiter::set(const RateLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

RateLimiter::Verdict RateLimiter::take(const std::string& client, Rate rate, bool known) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t limit = limits_.of(rate);
  if (limit == 0) return {};
  thread_local std::string key;
  key.assign(1, static_cast<char>('0' + static_cast<int>(rate))).append(client);
  const auto now = Clock::now();
  auto& windows = known ? known_ : strangers_;
  if (windows.size() >= kMostClients && windows.count(key) == 0) windows.erase(windows.begin());
  Window& window = windows[key];
  if (window.ends <= now) window = {now + kWindow, 0};
  const bool allowed = window.used < limit;
  if (allowed) ++window.used;
  return {allowed, limit, limit - std::min(limit, window.used), seconds_until(window.ends), setting_of(rate)};
}

Fault rate_fault(const RateLimiter::Verdict& verdict) {
  return {FaultKind::too_many,
          "rate_limited",
          fmt::format("more than {} calls of this kind an hour; try again in {} s (an admin sets the limit: {})",
                      verdict.limit, verdict.reset.count(), verdict.setting),
          {{"retry_after", verdict.reset.count()}}};
}

}  // namespace qflow::auth
