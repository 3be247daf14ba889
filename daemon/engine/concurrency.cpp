#include "daemon/engine/concurrency.hpp"

#include <algorithm>
#include <utility>

namespace qflow::engine {

struct Membership::Member {
  std::string id, group;
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
  const auto at = std::find(group.members.begin(), group.members.end(), member_);
  const auto place = static_cast<std::size_t>(at - group.members.begin());
  return place < group.limit ? 0 : place - group.limit + 1;
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
  return group != groups_.end() && group->second.members.size() >= rule.limit;
}

std::vector<std::string> Concurrency::in_the_way(const ConcurrencyRule& rule) const {
  std::vector<std::string> out;
  const auto group = groups_.find(rule.group);
  if (group == groups_.end()) return out;
  const auto& members = group->second.members;
  for (std::size_t i = 0; i + rule.limit <= members.size(); ++i) out.push_back(members[i]->id);
  return out;
}

Membership Concurrency::join(const ConcurrencyRule& rule, const std::string& id) {
  Membership out;
  out.member_ =
      std::make_shared<Membership::Member>(Membership::Member{id, rule.group, false, asio::steady_timer(executor_)});
  out.all_ = self_;
  Group& group = groups_[rule.group];
  // The setting may have been changed: the newest counts for all.
  const std::size_t before = std::exchange(group.limit, std::max(1U, rule.limit));
  for (std::size_t i = before; i < group.limit && i < group.members.size(); ++i) group.members[i]->changed.cancel();
  group.members.push_back(out.member_);
  members_[id] = out.member_;
  return out;
}

// Of those behind it, one more may run.
void Concurrency::remove(const Membership::Member& member) {
  members_.erase(member.id);
  const auto found = groups_.find(member.group);
  if (found == groups_.end()) return;
  Group& group = found->second;
  std::erase_if(group.members, [&](const auto& one) { return one.get() == &member; });
  if (group.members.size() >= group.limit) group.members[group.limit - 1]->changed.cancel();
  if (group.members.empty()) groups_.erase(found);
}

void Concurrency::cancel(const std::string& id) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  if (const auto member = found->second.lock()) {
    member->cancelled = true;
    member->changed.cancel();
  }
}

void Concurrency::cancel_all() {
  for (const auto& [id, one] : members_)
    if (const auto member = one.lock()) {
      member->cancelled = true;
      member->changed.cancel();
    }
}

}  // namespace qflow::engine
