#include "daemon/engine/concurrency.hpp"

#include <algorithm>

namespace qflow::engine {

struct Membership::Member {
  std::string id, group;
  unsigned limit = 1;
  bool cancelled = false;
  asio::steady_timer changed;
};

Membership& Membership::operator=(Membership&& other) noexcept {
  if (this == &other) return *this;
  leave();
  member_ = std::move(other.member_);
  all_ = std::move(other.all_);
  return *this;
}

std::size_t Membership::behind() const {
  const auto all = all_.lock();
  if (!member_ || !all) return 0;
  const Concurrency::Group& group = all->groups_.at(member_->group);
  const auto place = static_cast<std::size_t>(std::find(group.begin(), group.end(), member_) - group.begin());
  return place < member_->limit ? 0 : place - member_->limit + 1;
}

bool Membership::may_run() const { return behind() == 0; }

Task<bool> Membership::wait() {
  while (member_ && !member_->cancelled && !may_run()) {
    member_->changed.expires_at(Clock::time_point::max());
    boost::system::error_code ignored;
    co_await member_->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return !member_ || !member_->cancelled;
}

void Membership::leave() {
  if (const auto all = all_.lock(); all && member_) all->remove(*member_);
  member_.reset();
  all_.reset();
}

bool Concurrency::full(const ConcurrencyRule& rule) const {
  const auto group = groups_.find(rule.group);
  return group != groups_.end() && group->second.size() >= rule.limit;
}

std::vector<std::string> Concurrency::in_the_way(const ConcurrencyRule& rule) const {
  std::vector<std::string> out;
  const auto group = groups_.find(rule.group);
  if (group == groups_.end()) return out;
  for (std::size_t i = 0; i + rule.limit <= group->second.size(); ++i) out.push_back(group->second[i]->id);
  return out;
}

Membership Concurrency::join(const ConcurrencyRule& rule, const std::string& id) {
  Membership out;
  out.member_ = std::make_shared<Membership::Member>(
      Membership::Member{id, rule.group, std::max(1U, rule.limit), false, asio::steady_timer(executor_)});
  out.all_ = self_;
  groups_[rule.group].push_back(out.member_);
  return out;
}

void Concurrency::remove(const Membership::Member& member) {
  const auto group = groups_.find(member.group);
  if (group == groups_.end()) return;
  std::erase_if(group->second, [&](const auto& one) { return one.get() == &member; });
  for (const auto& one : group->second) one->changed.cancel();
  if (group->second.empty()) groups_.erase(group);
}

void Concurrency::cancel(const std::string& id) {
  for (const auto& [name, group] : groups_)
    for (const auto& one : group)
      if (one->id == id) {
        one->cancelled = true;
        one->changed.cancel();
      }
}

void Concurrency::cancel_all() {
  for (const auto& [name, group] : groups_)
    for (const auto& one : group) {
      one->cancelled = true;
      one->changed.cancel();
    }
}

}  // namespace qflow::engine
