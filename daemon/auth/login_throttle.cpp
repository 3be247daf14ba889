#include "daemon/auth/login_throttle.hpp"

#include <algorithm>

#include "daemon/auth/seconds_until.hpp"

namespace qflow::auth {
namespace {
constexpr std::size_t kMostRemembered = 100'000;
constexpr auto kForgetFailures = std::chrono::minutes(30);
}  // namespace

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
  if (failures_.size() >= kMostRemembered && failures_.count(who) == 0) failures_.erase(failures_.begin());
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
