#include "daemon/engine/shared_state.hpp"

#include <boost/json/serialize.hpp>

#include <set>
#include <vector>

#include "daemon/store/state_rows.hpp"

namespace qflow::engine {
namespace {

constexpr std::uint64_t kInitial = 1;

std::size_t entry_bytes(std::string_view key, const json::value& value) {
  return key.size() + json::serialize(value).size() + 8;
}

}  // namespace

SharedState::SharedState(json::object initial) {
  for (auto& [key, value] : initial) {
    const std::size_t bytes = entry_bytes(key, value);
    put(std::string(key), {std::move(value), true, bytes, kInitial, kNobody});
    bytes_ += bytes;
  }
}

bool SharedState::merge(const json::object& change, std::size_t channel) {
  const json::object& set = change.at("set").as_object();
  std::set<std::string> removed;
  for (const json::value& key : change.at("removed").as_array())
    if (!set.contains(key.as_string())) removed.emplace(key.as_string());
  const auto held = [&](const std::string& key) {
    const auto found = entries_.find(key);
    return found != entries_.end() && found->second.there ? found->second.bytes : 0;
  };
  std::vector<std::pair<std::string, std::size_t>> sizes;
  std::size_t bytes = bytes_;
  for (const auto& [key, value] : set) {
    sizes.emplace_back(key, entry_bytes(key, value));
    bytes = bytes + sizes.back().second - held(sizes.back().first);
  }
  for (const std::string& key : removed) bytes -= held(key);
  if (bytes > store::kMostStateBytes + store::kStateSlack) return false;
  bytes_ = bytes;
  ++version_;
  for (const auto& [key, size] : sizes) put(key, {set.at(key), true, size, version_, channel});
  for (const std::string& key : removed)
    if (entries_.count(key) != 0) put(key, {nullptr, false, 0, version_, channel});
  return true;
}

void SharedState::put(const std::string& key, Entry entry) {
  Entry& there = entries_[key];
  by_version_.erase({there.version, key});
  by_version_.emplace(entry.version, key);
  there = std::move(entry);
}

void SharedState::disown(const json::object& change) {
  ++version_;
  const auto reset = [&](const std::string& key) {
    const auto found = entries_.find(key);
    Entry entry = found == entries_.end() ? Entry{nullptr, false, 0, version_, kNobody} : found->second;
    entry.version = version_;
    entry.by = kNobody;
    put(key, std::move(entry));
  };
  for (const auto& one : change.at("set").as_object()) reset(std::string(one.key()));
  for (const json::value& key : change.at("removed").as_array())
    if (entries_.count(std::string(key.as_string())) != 0) reset(std::string(key.as_string()));
}

json::object SharedState::as_change(std::uint64_t after, std::size_t but) const {
  json::object set;
  json::array removed;
  for (auto at = by_version_.lower_bound({after + 1, ""}); at != by_version_.end(); ++at) {
    const std::string& key = at->second;
    const Entry& entry = entries_.at(key);
    if (entry.by == but && but != kNobody) continue;
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
