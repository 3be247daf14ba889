// Who may run now: a bounded number of places, given in turn between users. Engine strand, except admit() and
// waiting().
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "daemon/base/async.hpp"

namespace qflow::engine {

/// Proof that an execution was accepted. It counts as waiting until the ticket is dropped: when it has a place, or
/// whatever else becomes of it.
class Ticket {
 public:
  using Count = std::shared_ptr<std::atomic<std::size_t>>;  // shared with the Places: a ticket may outlive them
  explicit Ticket(Count waiting) : waiting_(std::move(waiting)) {}
  ~Ticket() { --*waiting_; }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

 private:
  Count waiting_;
};

/// A thousand executions of one user do not hold up another's single one: whoever waits is served in turn, one of each
/// user, and the last free place goes only to a user who has none yet.
class Places {
 public:
  Places(const asio::any_io_executor& executor, unsigned places) : executor_(executor), all_(places), free_(places) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  /// A ticket, or null when `most` executions wait already. Any thread: asking and counting are one step, so that
  /// simultaneous callers cannot overrun the bound.
  std::shared_ptr<Ticket> admit(std::size_t most);
  /// Executions that were accepted and have no place yet. Any thread.
  std::size_t waiting() const { return waiting_->load(std::memory_order_relaxed); }

  /// Whether more have been admitted than there are free places: the last of them will probably wait. Any thread.
  bool full() const { return waiting() > free_.load(std::memory_order_relaxed); }

  /// A place for an execution of `user`, if there is one for them now.
  bool take_at_once(const std::string& user);
  /// Waits for a place for `key`, an execution of `user`. False: cancelled meanwhile; then there is nothing to give
  /// back.
  Task<bool> wait(std::string key, std::string user);
  /// The execution of `user` that had a place is over.
  void give(const std::string& user);
  /// Ends the waiting of `key`, if it waits.
  void cancel(const std::string& key);
  /// Ends the waiting of all.
  void cancel_all();

 private:
  struct Waiter {
    std::string key;
    bool granted = false;
    asio::steady_timer timer;
  };
  struct User {
    unsigned running = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;  // shared with the coroutines that wait
  };
  bool may_start(const User& user) const { return free_ > 1 || (free_ == 1 && (all_ == 1 || user.running == 0)); }
  void forget_idle(const std::string& user);
  void serve();

  asio::any_io_executor executor_;
  unsigned all_;
  std::atomic<unsigned> free_;         ///< written on the strand
  std::map<std::string, User> users_;  ///< those who run or wait
  std::string last_;                   ///< the user who was served last; the next in order is next
  Ticket::Count waiting_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace qflow::engine
