#include "daemon/engine/signatures.hpp"

#include <sodium.h>

#include <array>

namespace qflow::engine {

std::string Signatures::key_of(const Plan& plan) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, crypto_generichash_BYTES);
  const auto add = [&](const std::string& text) {
    const std::uint64_t size = text.size();  // lengths keep neighbours apart
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size), sizeof size);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  };
  add(plan.python);
  for (const Step& step : plan.steps) {
    add(step.file);
    add(step.node.function.value_or(""));
    add(step.node.code);
    add(std::to_string(step.group));
  }
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash_final(&state, hash.data(), hash.size());
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

const Signatures::Known* Signatures::find(const std::string& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front().known;
}

void Signatures::remember(const std::string& key, Known known) {
  if (const auto found = index_.find(key); found != index_.end()) {
    found->second->known = std::move(known);
    return;
  }
  entries_.push_front({key, std::move(known)});
  index_[key] = entries_.begin();
  if (entries_.size() <= kMost) return;
  index_.erase(entries_.back().key);
  entries_.pop_back();
}

}  // namespace qflow::engine
