// How long the steps of a plan took and how their values pass, as its executions have shown: whether branches pay.
// Engine strand.
#pragma once
#include <string>
#include <vector>

#include "daemon/base/lru.hpp"

namespace qflow::engine {

class Pace {
 public:
  /// One of each for every step.
  struct Known {
    std::vector<float> milliseconds;  ///< of a run, smoothed; of a loop with all its rounds; negative: not known
    std::vector<bool> stays;          ///< its value could not leave a branch
    std::vector<bool> heavy;          ///< its value can change, and is too large to be copied for each that takes it
    void resize(std::size_t steps) {
      milliseconds.resize(steps, -1);
      stays.resize(steps, false);
      heavy.resize(steps, false);
    }
    /// A step took so long.
    void note(std::size_t step, double took) {
      float& known = milliseconds[step];
      known = known < 0 ? static_cast<float>(took) : (known + static_cast<float>(took)) / 2;
    }
  };
  /// Null when the plan is not known. `key`: check::Signatures::key_of(). Valid until the next remember().
  const Known* find(const std::string& key) { return plans_.find(key); }
  void remember(const std::string& key, Known known) { plans_.put(key, std::move(known)); }

 private:
  Lru<Known> plans_{1000};
};

}  // namespace qflow::engine
