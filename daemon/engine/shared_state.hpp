// The workflow's state (`qflow.state`) as one execution has it: each worker and each branch has a copy, and learns what
// others have changed before its next call. Engine strand.
#pragma once
#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace qflow::engine {
namespace json = boost::json;

class SharedState {
 public:
  static constexpr std::size_t kNobody = ~std::size_t{0};  ///< no lane
  explicit SharedState(json::object initial = {});
  /// A step in the lane `channel` has succeeded, and changed it: {"set": {key: value}, "removed": [keys]}. False: it
  /// would be too large, and nothing is changed.
  bool merge(const json::object& change, std::size_t channel);
  /// What that lane has changed counts for nothing: it is told so with the next news.
  void disown(const json::object& change);
  /// What the lane does not know yet, as such a change in JSON text; empty: nothing. It counts as told.
  std::string news(std::size_t channel);
  /// `branch` is forked from `from`, and knows what that knows.
  void forked(std::size_t from, std::size_t branch) { seen_[branch] = seen_[from]; }
  /// What has been changed since the beginning, as such a change; empty: nothing.
  json::object changes() const;

 private:
  struct Entry {
    json::value value;
    bool there = true;  ///< false: it has been removed
    std::size_t bytes = 0;
    std::uint64_t version = 1;
    std::size_t by = kNobody;
  };
  void put(const std::string& key, Entry entry);
  json::object as_change(std::uint64_t after, std::size_t but) const;

  std::map<std::string, Entry> entries_;
  std::set<std::pair<std::uint64_t, std::string>> by_version_;
  std::uint64_t version_ = 1;
  std::size_t bytes_ = 0;
  std::map<std::size_t, std::uint64_t> seen_;  ///< by lane: the version that it knows
};

}  // namespace qflow::engine
