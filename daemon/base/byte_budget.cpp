#include "daemon/base/byte_budget.hpp"

namespace qflow {

ByteBudget::Hold::Hold(ByteBudget& budget, std::string owner, std::uint64_t bytes)
    : budget_(budget), owner_(std::move(owner)), bytes_(bytes) {}

ByteBudget::Hold::~Hold() {
  const std::lock_guard lock(budget_.mutex_);
  budget_.held_ -= bytes_;
  const auto own = budget_.held_by_.find(owner_);
  if (own == budget_.held_by_.end()) return;  // it was shrunk to nothing, and the owner holds nothing else
  own->second -= bytes_;
  if (own->second == 0) budget_.held_by_.erase(own);
}

void ByteBudget::Hold::shrink_to(std::uint64_t bytes) {
  const std::lock_guard lock(budget_.mutex_);
  if (bytes >= bytes_) return;
  budget_.held_ -= bytes_ - bytes;
  budget_.held_by_[owner_] -= bytes_ - bytes;
  bytes_ = bytes;
}

std::shared_ptr<ByteBudget::Hold> ByteBudget::take(const std::string& owner, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto own = held_by_.find(owner);
  const std::uint64_t have = own == held_by_.end() ? 0 : own->second;
  if (have > 0 && have + bytes > share_) return nullptr;
  if (held_ > 0 && held_ + bytes > all_) return nullptr;
  held_ += bytes;
  held_by_[owner] += bytes;
  return std::make_shared<Hold>(*this, owner, bytes);
}

std::uint64_t ByteBudget::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

}  // namespace qflow
