// How many calls a client may make within an hour. In memory, bounded; any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "daemon/base/async.hpp"
#include "daemon/base/fault.hpp"

namespace qflow::auth {

/// The class of a route, each with a limit of its own.
enum class Rate { none, standard, executions, containers, webhooks };

/// Requests per hour for each class of routes; 0: no limit.
struct RateLimits {
  std::uint64_t standard = 1000, executions = 100, containers = 50, webhooks = 1000;
  std::uint64_t of(Rate rate) const;
};

/// Counts in windows of one hour that begin with each client's first request.
class RateLimiter {
 public:
  void set(const RateLimits& limits);

  struct Verdict {
    bool allowed = true;
    std::uint64_t limit = 0;  ///< 0: not counted
    std::uint64_t remaining = 0;
    std::chrono::seconds reset{0};  ///< until the window ends
    const char* setting = "";       ///< the setting that has the limit
  };
  /// Counts one request of `client`. `known`: the client is a key, a user or a webhook, of which there are as many as
  /// rows; otherwise it is an address, which anybody can make up. At most 100,000 clients of each kind are remembered.
  Verdict take(const std::string& client, Rate rate, bool known);

 private:
  struct Window {
    Clock::time_point ends;
    std::uint64_t used = 0;
  };
  std::mutex mutex_;
  RateLimits limits_;
  std::unordered_map<std::string, Window> known_, strangers_;
};

/// The 429 of a rate limit, with the seconds to wait in `details.retry_after`.
Fault rate_fault(const RateLimiter::Verdict& verdict);

}  // namespace qflow::auth
