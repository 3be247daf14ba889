#include "daemon/engine/shared_state.hpp"

#include <boost/json/serialize.hpp>

#include <vector>

namespace qflow::engine {
namespace {

constexpr std::uint64_t kInitial = 1;

std::size_t entry_bytes(std::string_view key, const json::value& value) {
  return key.size() + json::serialize(value).size() + 8;
}

}  // namespace

SharedState::SharedState(json::object initial) {
  for (auto& [key, value] : initial) {
    Entry& entry = entries_[std::string(key)];
    entry.bytes = entry_bytes(key, value);
    entry.value = std::move(value);
    bytes_ += entry.bytes;
  }
}

bool SharedState::merge(const json::object& change, std::size_t channel) {
  const json::object& set = change.at("set").as_object();
  std::vector<std::pair<std::string, std::size_t>> sizes;
  std::size_t bytes = bytes_;
  const auto held = [&](const std::string& key) {
    const auto found = entries_.find(key);
    return found != entries_.end() && found->second.there ? found->second.bytes : 0;
  };
  for (const auto& [key, value] : set) {
    sizes.emplace_back(key, entry_bytes(key, value));
    bytes += sizes.back().second - held(sizes.back().first);
  }
  for (const json::value& key : change.at("removed").as_array()) bytes -= held(std::string(key.as_string()));
  // A key that is both set and removed would be counted twice.
  if (bytes > kMostState + (64U << 10U)) return false;
  ++version_;
  for (const auto& [key, size] : sizes) {
    Entry& entry = entries_[key];
    entry.bytes = size;
    entry.value = set.at(key);
    entry.there = true;
    entry.version = version_;
    entry.by = channel;
  }
  for (const json::value& key : change.at("removed").as_array())
    if (const auto found = entries_.find(std::string(key.as_string())); found != entries_.end()) {
      found->second = Entry{nullptr, false, 0, version_, channel};
    }
  bytes_ = 0;
  for (const auto& [key, entry] : entries_) bytes_ += entry.bytes;
  return true;
}

void SharedState::disown(const json::object& change) {
  ++version_;
  const auto reset = [&](const std::string& key) {
    const auto [at, added] = entries_.try_emplace(key);
    if (added) at->second.there = false;
    at->second.version = version_;
    at->second.by = kNobody;
  };
  for (const auto& one : change.at("set").as_object()) reset(std::string(one.key()));
  for (const json::value& key : change.at("removed").as_array())
    if (entries_.count(std::string(key.as_string())) != 0) reset(std::string(key.as_string()));
}

json::object SharedState::as_change(std::uint64_t after, std::size_t but) const {
  json::object set;
  json::array removed;
  for (const auto& [key, entry] : entries_) {
    if (entry.version <= after || (entry.by == but && but != kNobody)) continue;
    if (entry.there) set[key] = entry.value;
    else removed.emplace_back(key);
  }
  if (set.empty() && removed.empty()) return {};
  return {{"set", std::move(set)}, {"removed", std::move(removed)}};
}

std::string SharedState::news(std::size_t channel) {
  std::uint64_t& seen = seen_[channel];
  if (seen == version_) return {};
  const json::object change = as_change(seen, channel);
  seen = version_;
  return change.empty() ? std::string() : json::serialize(change);
}

json::object SharedState::changes() const { return as_change(kInitial, kNobody); }

}  // namespace qflow::engine
