// How often: the rate limits of api.md 8 and the brake on guessing passwords. In memory, bounded, any thread.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "daemon/async.hpp"
#include "daemon/http/endpoint.hpp"

namespace qflow::auth {

/// Requests an hour for each class of routes; 0: no limit.
struct RateLimits {
  std::uint64_t standard = 1000, executions = 100, containers = 50, webhooks = 1000;
  std::uint64_t of(http::Rate rate) const;
};

/// Counts in windows of an hour that begin with the first request of each client.
class RateLimiter {
 public:
  void set(const RateLimits& limits);

  struct Verdict {
    bool allowed = true;
    std::uint64_t limit = 0;  ///< 0: this is not counted
    std::uint64_t remaining = 0;
    std::chrono::seconds reset{0};  ///< until the window ends
  };
  /// Counts one request of `client`. `known`: a key, a user, a webhook, of which there are as many as there are rows;
  /// otherwise an address, of which anybody may make up any number: of these the last 100,000 are remembered.
  Verdict take(const std::string& client, http::Rate rate, bool known);

 private:
  struct Window {
    Clock::time_point ends;
    std::uint64_t used = 0;
  };
  std::mutex mutex_;
  RateLimits limits_;
  std::unordered_map<std::string, Window> known_, strangers_;
};

/// After `free` failures of somebody (an address from a peer, an address, a peer) further attempts wait, longer each
/// time. Successes forgive.
class LoginThrottle {
 public:
  /// How long `who` has to wait before the next attempt; zero: go on.
  std::chrono::seconds wait(const std::string& who, unsigned free = 5);
  void failed(const std::string& who);
  void succeeded(const std::string& who);
  /// Takes one failure back: an attempt counts as one until it has succeeded, or many could be made at once.
  void forgive(const std::string& who);

 private:
  struct Failures {
    unsigned count = 0;
    Clock::time_point last;
  };
  static std::chrono::seconds delay(unsigned failures, unsigned free);
  std::mutex mutex_;
  std::unordered_map<std::string, Failures> failures_;
};

}  // namespace qflow::auth
