#include "daemon/auth/limits.hpp"

#include <algorithm>

namespace qflow::auth {
namespace {
constexpr std::size_t kMostClients = 100'000;
constexpr auto kWindow = std::chrono::hours(1);
constexpr auto kForgetFailures = std::chrono::minutes(30);

std::chrono::seconds seconds_until(Clock::time_point when) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(when - Clock::now()), std::chrono::seconds(1));
}
}  // namespace

std::uint64_t RateLimits::of(http::Rate rate) const {
  switch (rate) {
    case http::Rate::none:
      return 0;
    case http::Rate::standard:
      return standard;
    case http::Rate::executions:
      return executions;
    case http::Rate::containers:
      return containers;
    case http::Rate::webhooks:
      return webhooks;
  }
  return 0;
}

void RateLimiter::set(const RateLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

RateLimiter::Verdict RateLimiter::take(const std::string& client, http::Rate rate, bool known) {
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
  return {allowed, limit, limit - std::min(limit, window.used), seconds_until(window.ends)};
}

std::chrono::seconds LoginThrottle::delay(unsigned failures, unsigned free) {
  if (failures < free) return std::chrono::seconds(0);
  return std::chrono::seconds(1U << std::min(failures - free, 9U));  // 1 s, 2 s, … 512 s
}

std::chrono::seconds LoginThrottle::wait(const std::string& who, unsigned free) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(who);
  if (found == failures_.end()) return std::chrono::seconds(0);
  const auto until = found->second.last + delay(found->second.count, free);
  return until <= Clock::now() ? std::chrono::seconds(0) : seconds_until(until);
}

void LoginThrottle::failed(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (failures_.size() >= kMostClients && failures_.count(who) == 0) failures_.erase(failures_.begin());
  Failures& failures = failures_[who];
  if (now - failures.last > kForgetFailures) failures.count = 0;
  ++failures.count;
  failures.last = now;
}

void LoginThrottle::succeeded(const std::string& who) {
  const std::lock_guard lock(mutex_);
  failures_.erase(who);
}

void LoginThrottle::forgive(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(who);
  if (found != failures_.end() && found->second.count > 0) --found->second.count;
}

}  // namespace qflow::auth
