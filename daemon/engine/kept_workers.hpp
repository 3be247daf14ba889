// Workers that stay, idle, when an execution that somebody started by hand has ended, with the values of its steps:
// running one of its nodes again forks such a worker, and takes these as they are. Engine strand.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/engine/lane.hpp"

namespace qflow::engine {

/// A worker with the values of one workflow. Owned by the engine, or by the one execution that uses it.
struct KeptWorker {
  struct Value {
    std::vector<std::string> executions;  ///< in whose records it is, at most 8: the last ones
    std::string lineage;                  ///< flow::lineages(): it is that of the node as it was then
    std::uint32_t call = 0;               ///< the id under which the process has it
    schema::Result result;                ///< as recorded
  };
  std::string user, workflow_id;
  std::string python, environment, sandbox;  ///< where its values can be used
  std::optional<std::string> input;          ///< of the execution, as JSON text
  std::map<std::string, Value> values;       ///< by the node's id
  std::unique_ptr<Lane> worker;              ///< PID 1 of its sandbox
  std::unique_ptr<Lane> branch;              ///< the process that has the values; null: the worker has them
  Clock::time_point until;                   ///< it ends then
  std::uint64_t memory = 0;                  ///< bytes of its own, about

  Lane& holder() { return branch ? *branch : *worker; }
  /// Whether its processes are there, and the one with the values has one thread, so that it can be forked.
  bool is_usable();
  /// Whether nothing that nodes have started is left in its sandbox.
  bool is_alone();
};

/// All of them, within bounds: at most two a user, the newest ones, one of a workflow, for a limited time, and within a
/// budget of memory.
class KeptWorkers : public std::enable_shared_from_this<KeptWorkers> {
 public:
  KeptWorkers(const asio::any_io_executor& executor, Clock::duration keep, std::uint64_t most_memory)
      : executor_(executor), timer_(executor), look_(executor), keep_(keep), most_memory_(most_memory) {}

  /// Whether any are kept at all.
  bool is_on() const { return keep_ > Clock::duration::zero() && !closed_; }
  /// The user's worker of that workflow, for one execution; null: there is none. When the last copy of the pointer is
  /// gone, on whatever thread, the worker is kept again.
  std::shared_ptr<KeptWorker> take(const std::string& user, const std::string& workflow_id);
  /// Keeps a worker that has just ended an execution, if it can be used again.
  void put(std::unique_ptr<KeptWorker> worker);
  /// Ends those of a workflow; all of them; all, now and from now on.
  void forget(const std::string& workflow_id);
  void clear() { kept_.clear(); }
  void close();

  /// How many are kept and idle, and how often one was used. Engine strand.
  std::size_t size() const { return kept_.size(); }
  std::uint64_t uses() const { return uses_; }

 private:
  void trim();
  void look_later();
  asio::any_io_executor executor_;
  asio::steady_timer timer_, look_;
  Clock::duration keep_;
  std::uint64_t most_memory_;
  bool closed_ = false;
  std::uint64_t uses_ = 0;
  std::vector<std::unique_ptr<KeptWorker>> kept_;  ///< the oldest first
};

}  // namespace qflow::engine
