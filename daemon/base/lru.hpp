// A bounded cache: what was used least recently goes first. One thread, or a lock of its owner's.
#pragma once
#include <limits>
#include <list>
#include <string>
#include <unordered_map>

namespace qflow {

/// Values by key, at most `entries` of them that weigh at most `weight` together (in whatever unit the owner counts).
/// The newest entry is kept even when it alone is heavier.
template <class Value>
class Lru {
 public:
  explicit Lru(std::size_t entries, std::size_t weight = std::numeric_limits<std::size_t>::max())
      : most_entries_(entries), most_weight_(weight) {}

  /// The value, which counts as used now, or null. Valid until the next put() or erase().
  Value* find(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front().value;
  }
  /// Replaces what is there under `key`.
  void put(const std::string& key, Value value, std::size_t weight = 0) {
    erase(key);
    entries_.push_front({key, std::move(value), weight});
    index_[key] = entries_.begin();
    weight_ += weight;
    while (entries_.size() > most_entries_ || (weight_ > most_weight_ && entries_.size() > 1))
      erase(std::string(entries_.back().key));
  }
  void erase(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    weight_ -= found->second->weight;
    entries_.erase(found->second);
    index_.erase(found);
  }
  std::size_t size() const { return entries_.size(); }
  std::size_t weight() const { return weight_; }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t weight = 0;
  };
  std::size_t most_entries_, most_weight_;
  std::size_t weight_ = 0;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> index_;
};

}  // namespace qflow
