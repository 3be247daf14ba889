// How many executions of a workflow, or of one key within it, run at the same time (settings.concurrency). Engine
// strand.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/flow/graph.hpp"

namespace qflow::engine {

/// The rule that an execution comes under. `limit` 0: none.
struct ConcurrencyRule {
  unsigned limit = 0;
  flow::Overlap overlap = flow::Overlap::queue;
  std::string group;  ///< whose members are counted together
};

class Concurrency;

/// An execution that counts in its group until this is gone. Empty: it counts nowhere.
class Membership {
 public:
  Membership() = default;
  ~Membership() { leave(); }
  Membership(Membership&& other) noexcept = default;
  Membership& operator=(Membership&& other) noexcept;
  /// Whether it is among the first that may run.
  bool may_run() const;
  /// How many must end before it may run; 0: none.
  std::size_t behind() const;
  /// Waits until it may. False: it was cancelled meanwhile.
  Task<bool> wait();
  void leave();

 private:
  friend class Concurrency;
  struct Member;
  std::shared_ptr<Member> member_;  // shared with the group
  std::weak_ptr<Concurrency> all_;  // an execution may outlive it
};

/// Groups of executions, each in the order in which they came: as many as the limit says may run, the others wait.
/// Executions that wait without a worker have left their group, and come again at its end.
class Concurrency {
 public:
  explicit Concurrency(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Concurrency(const Concurrency&) = delete;
  Concurrency& operator=(const Concurrency&) = delete;

  /// Whether an execution under this rule would have to wait.
  bool full(const ConcurrencyRule& rule) const;
  /// The executions that must end so that one more may run at once, oldest first.
  std::vector<std::string> in_the_way(const ConcurrencyRule& rule) const;
  Membership join(const ConcurrencyRule& rule, const std::string& id);
  /// Ends the waiting of that execution, if it waits.
  void cancel(const std::string& id);
  void cancel_all();

 private:
  friend class Membership;
  struct Group {
    std::deque<std::shared_ptr<Membership::Member>> members;  // in their order; shared with their executions
    std::size_t limit = 1;
  };
  void remove(const Membership::Member& member);

  asio::any_io_executor executor_;
  std::map<std::string, Group> groups_;
  std::map<std::string, std::weak_ptr<Membership::Member>> members_;  ///< by execution; they leave before they end
  std::shared_ptr<Concurrency> self_{this, [](Concurrency*) {}};  ///< gone when this is; for the members that are out
};

}  // namespace qflow::engine
