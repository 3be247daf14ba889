#include "daemon/gate/reply_cache.hpp"

namespace qflow::gate {
namespace {

constexpr auto kRemember = std::chrono::seconds(1);
constexpr std::size_t kLargest = 1U << 20U;

}  // namespace

std::shared_ptr<const std::string> ReplyCache::find(const std::string& key, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const Entry* found = entries_.find(key);
  if (found == nullptr || found->generation != generation || found->until < Clock::now()) return nullptr;
  return found->body;
}

void ReplyCache::put(const std::string& key, std::shared_ptr<const std::string> body, std::uint64_t generation) {
  const std::size_t size = body->size() + key.size();
  if (size > kLargest) return;
  const std::lock_guard lock(mutex_);
  entries_.put(key, {std::move(body), generation, Clock::now() + kRemember}, size);
}

}  // namespace qflow::gate
