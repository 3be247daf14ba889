#include "daemon/engine/places.hpp"

#include <algorithm>
#include <vector>

namespace qflow::engine {

Ticket::~Ticket() {
  --counts_->all;
  const std::lock_guard lock(counts_->mutex);
  const auto own = counts_->of_user.find(user_);
  if (--own->second == 0) counts_->of_user.erase(own);
}

std::shared_ptr<Ticket> Places::admit(std::size_t most, const std::string& user) {
  const std::lock_guard lock(counts_->mutex);
  if (counts_->all >= most && counts_->of_user.count(user) != 0) return nullptr;
  ++counts_->of_user[user];
  ++counts_->all;
  return std::make_shared<Ticket>(counts_, user);
}

Place& Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  places_ = std::move(other.places_);
  user_ = std::move(other.user_);
  return *this;
}

void Place::give_back() {
  if (const auto places = places_.lock()) places->take_back(user_);
  places_.reset();
}

Place Places::take_at_once(const std::string& user) {
  User& own = users_[user];
  if (!own.waiting.empty() || !may_start(own)) {
    forget_idle(user);
    return {};
  }
  ++own.running;
  --free_;
  last_ = user;
  return {self_, user};
}

namespace {

Clock::time_point rank_of(Priority priority) {
  return Clock::now() + static_cast<int>(priority) * std::chrono::seconds(30);
}

}  // namespace

Priority priority_of(const std::string& mode) {
  if (mode == "retry") return Priority::last;
  return mode == "manual" || mode == "webhook" || mode == "cli" || mode == "workflow" ? Priority::first
                                                                                      : Priority::later;
}

std::size_t Places::position(const std::string& user, Priority priority) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return 1;
  const auto& waiting = found->second.waiting;
  const auto rank = rank_of(priority);
  return 1 + static_cast<std::size_t>(
                 std::count_if(waiting.begin(), waiting.end(), [&](const auto& one) { return one->rank <= rank; }));
}

Task<Place> Places::wait(std::string key, std::string user, Priority priority) {
  if (Place place = take_at_once(user)) co_return place;
  const auto waiter = std::make_shared<Waiter>(Waiter{std::move(key), priority, rank_of(priority), false,
                                                      asio::steady_timer(executor_, Clock::time_point::max())});
  auto& queue = users_[user].waiting;
  queue.insert(std::upper_bound(queue.begin(), queue.end(), waiter,
                                [](const auto& a, const auto& b) { return a->rank < b->rank; }),
               waiter);
  std::atomic<std::size_t>& count = of_class_[static_cast<std::size_t>(priority)];
  ++count;
  boost::system::error_code ignored;
  co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  --count;
  if (!waiter->granted) co_return Place();
  co_return Place(self_, std::move(user));
}

void Places::take_back(const std::string& user) {
  ++free_;
  --users_[user].running;
  forget_idle(user);
  serve();
}

void Places::forget_idle(const std::string& user) {
  const auto found = users_.find(user);
  if (found != users_.end() && found->second.running == 0 && found->second.waiting.empty()) users_.erase(found);
}

// Each free place goes to the next user in order, after the one served last, who waits and may start.
void Places::serve() {
  for (std::size_t looked = 0; free_ > 0 && looked < users_.size();) {
    auto at = users_.upper_bound(last_);
    if (at == users_.end()) at = users_.begin();
    last_ = at->first;
    User& user = at->second;
    if (user.waiting.empty() || !may_start(user)) {
      ++looked;
      continue;
    }
    looked = 0;
    ++user.running;
    --free_;
    user.waiting.front()->granted = true;
    user.waiting.front()->timer.cancel();
    user.waiting.pop_front();
  }
}

void Places::cancel(const std::string& key) {
  for (auto& [name, user] : users_) {
    const auto at =
        std::find_if(user.waiting.begin(), user.waiting.end(), [&](const auto& waiter) { return waiter->key == key; });
    if (at == user.waiting.end()) continue;
    (*at)->timer.cancel();
    user.waiting.erase(at);
    forget_idle(std::string(name));
    return;
  }
}

void Places::cancel_all() {
  std::vector<std::string> keys;
  for (const auto& [name, user] : users_)
    for (const auto& waiter : user.waiting) keys.push_back(waiter->key);
  for (const std::string& key : keys) cancel(key);
}

}  // namespace qflow::engine
