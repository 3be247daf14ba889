// The brake on guessing passwords. In memory, bounded; any thread.
#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "daemon/base/async.hpp"

namespace qflow::auth {

/// After `free` failures of one subject (an e-mail address from a peer, an e-mail address, a peer), further attempts
/// must wait, longer each time. A success clears the failures.
class LoginThrottle {
 public:
  /// How long `who` has to wait before the next attempt; zero: not at all.
  std::chrono::seconds wait(const std::string& who, unsigned free = 5);
  void failed(const std::string& who);
  void succeeded(const std::string& who);
  /// Takes one failure back: an attempt counts as a failure until it has succeeded, or many could be made at once.
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
