// The functions of a plan's nodes, remembered from its last execution, so that calls can be sent along with the loads
// instead of after them. Engine strand.
#pragma once
#include <string>
#include <vector>

#include "daemon/base/lru.hpp"
#include "daemon/flow/plan.hpp"
#include "schema/description.hpp"

namespace qflow::check {

/// The last 1,000 plans. The key covers all code that runs in the worker together and its environment: a worker can lie
/// only about code that it was given, so nothing learned from one workflow is ever used for another.
class Signatures {
 public:
  /// One of each for every step.
  struct Known {
    std::vector<schema::Function> functions;
    std::vector<schema::NodeFunction> types;
    std::vector<schema::Classes> classes;
  };
  static std::string key_of(const flow::Plan& plan);
  /// Null when the plan is not known. Valid until the next remember().
  const Known* find(const std::string& key) { return plans_.find(key); }
  void remember(const std::string& key, Known known) { plans_.put(key, std::move(known)); }

 private:
  Lru<Known> plans_{1000};
};

}  // namespace qflow::check
