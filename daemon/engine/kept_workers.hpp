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
  std::optional<std::string> input;          ///< of the executions whose values it has, as JSON text
  std::string latest;                        ///< the execution that has used it last
  std::uint64_t generation = 0;              ///< KeptWorkers'; 0: not kept yet
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
  /// It cannot be used again: put() ends it.
  void spend() { values.clear(); }
  /// Memory of its own, about. Bytes.
  std::uint64_t held();
};

/// All of them, within bounds: at most two a user, the newest ones, one of a workflow, for a limited time, and within a
/// budget of memory.
class KeptWorkers : public std::enable_shared_from_this<KeptWorkers> {
 public:
  KeptWorkers(const asio::any_io_executor& executor, Clock::duration keep, std::uint64_t most_memory)
      : executor_(executor), look_(executor), keep_(keep), most_memory_(most_memory) {}

  /// Whether any are kept at all.
  bool is_on() const { return keep_ > Clock::duration::zero() && !closed_; }
  /// The user's worker of that workflow, for one execution; null: there is none. When the last copy of the pointer is
  /// gone, on whatever thread, the worker is kept again.
  std::shared_ptr<KeptWorker> take(const std::string& user, const std::string& workflow_id);
  /// Keeps a worker that has just ended an execution, if it can be used again.
  void put(std::unique_ptr<KeptWorker> worker);
  /// Ends that of the user's workflow: its values are not the latest any more.
  void forget(const std::string& user, const std::string& workflow_id);
  /// Ends all of them, and those that are in use when they come back; the same, and none is kept from now on.
  void clear();
  void close();

  /// How many are kept and idle.
  std::size_t size() const { return kept_.size(); }

 private:
  void trim();
  void look_later();
  asio::any_io_executor executor_;
  asio::steady_timer look_;
  Clock::duration keep_;
  std::uint64_t most_memory_;
  bool closed_ = false;
  std::uint64_t generation_ = 1;                   ///< those of an earlier one are not kept again
  std::vector<std::unique_ptr<KeptWorker>> kept_;  ///< the oldest first
};

}  // namespace qflow::engine
