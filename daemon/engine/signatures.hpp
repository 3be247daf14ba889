// What the functions of a plan look like, remembered from its last execution, so that calls can be sent along with the
// loads instead of after them. Engine thread.
#pragma once
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/engine/plan.hpp"
#include "schema/description.hpp"

namespace qflow::engine {

/// Bounded, least recently used goes first. The key is everything that runs in the worker together: a worker can say
/// something false only of code that it was given, so nothing learned from one workflow is ever used for another.
class Signatures {
 public:
  /// Of each step.
  struct Known {
    std::vector<schema::Function> functions;
    std::vector<schema::NodeFunction> types;
    std::vector<schema::Classes> classes;
  };
  static std::string key_of(const Plan& plan);
  /// Or null.
  const Known* find(const std::string& key);
  void remember(const std::string& key, Known known);

 private:
  struct Entry {
    std::string key;
    Known known;
  };
  static constexpr std::size_t kMost = 1000;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

}  // namespace qflow::engine
