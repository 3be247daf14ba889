// Who may run now: a bounded number of places, given in turn between users. Engine strand, except admit(), waiting()
// and full().
#pragma once
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/base/async.hpp"

namespace qflow::engine {

/// Which of a user's executions come first: what somebody waits for, what goes off by itself, what is tried again. Each
/// class comes to its turn as if it had come half a minute later than the one before, so that none starves.
enum class Priority { first, later, last };
inline constexpr std::array<const char*, 3> kPriorityWords{"first", "later", "last"};
Priority priority_of(const std::string& mode);

/// Proof that an execution was accepted. It counts as waiting until the ticket is dropped: when it has a place, or
/// whatever else becomes of it.
class Ticket {
 public:
  struct Counts {
    std::atomic<std::size_t> all{0};
    std::mutex mutex;
    std::map<std::string, std::size_t> of_user;  ///< those who wait
  };
  using SharedCounts = std::shared_ptr<Counts>;  // shared with the Places: a ticket may outlive them
  Ticket(SharedCounts counts, std::string user) : counts_(std::move(counts)), user_(std::move(user)) {}
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

 private:
  SharedCounts counts_;
  std::string user_;
};

class Places;

/// A place that somebody has; it is given back when this ends. Empty: none.
class Place {
 public:
  Place() = default;
  Place(std::weak_ptr<Places> places, std::string user) : places_(std::move(places)), user_(std::move(user)) {}
  ~Place() { give_back(); }
  Place(Place&& other) noexcept : places_(std::move(other.places_)), user_(std::move(other.user_)) {}
  Place& operator=(Place&& other) noexcept;
  explicit operator bool() const { return !places_.expired(); }
  /// It is empty then.
  void give_back();

 private:
  std::weak_ptr<Places> places_;  // a place may outlive them
  std::string user_;
};

/// A thousand executions of one user do not hold up another's single one: waiting executions are served round-robin by
/// user, and the last free place goes only to a user who has none yet.
class Places {
 public:
  Places(const asio::any_io_executor& executor, unsigned places) : executor_(executor), all_(places), free_(places) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  /// A ticket for `user`, or null when `most` executions wait already. A user with no waiting execution always gets
  /// one, so that one user's queue cannot shut others out. Any thread: asking and counting are one step, so that
  /// simultaneous callers cannot overrun the bound.
  std::shared_ptr<Ticket> admit(std::size_t most, const std::string& user);
  /// Executions that were accepted and have no place yet. Any thread.
  std::size_t waiting() const { return counts_->all.load(std::memory_order_relaxed); }

  /// Whether more have been admitted than there are free places: the last of them will probably wait. Any thread.
  bool full() const { return waiting() > free_.load(std::memory_order_relaxed); }

  /// A place for an execution of `user`, if there is one for them now.
  Place take_at_once(const std::string& user);
  /// Waits for a place for `key`, an execution of `user`, unless there is one. Empty: cancelled meanwhile.
  Task<Place> wait(std::string key, std::string user, Priority priority = Priority::first);
  /// Which of the user's own it would be, from 1.
  std::size_t position(const std::string& user, Priority priority = Priority::first) const;
  /// How many of a class wait for a place. Any thread.
  std::size_t waiting(Priority priority) const { return of_class_[static_cast<std::size_t>(priority)]; }
  /// Ends the waiting of `key`, if it waits.
  void cancel(const std::string& key);
  /// Ends the waiting of all.
  void cancel_all();

 private:
  struct Waiter {
    std::string key;
    Priority priority;
    Clock::time_point rank;  ///< the earliest is next
    bool granted = false;
    asio::steady_timer timer;
  };
  struct User {
    unsigned running = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;  // by rank; shared with the coroutines that wait
  };
  friend class Place;
  void take_back(const std::string& user);
  bool may_start(const User& user) const { return free_ > 1 || (free_ == 1 && (all_ == 1 || user.running == 0)); }
  void forget_idle(const std::string& user);
  void serve();

  asio::any_io_executor executor_;
  unsigned all_;
  std::array<std::atomic<std::size_t>, 3> of_class_{};
  std::atomic<unsigned> free_;                          ///< written on the strand
  std::map<std::string, User> users_;                   ///< those who run or wait
  std::string last_;                                    ///< the user who was served last; the next in order is next
  std::shared_ptr<Places> self_{this, [](Places*) {}};  ///< gone when this is; for the places that are out
  Ticket::SharedCounts counts_ = std::make_shared<Ticket::Counts>();
};

}  // namespace qflow::engine
