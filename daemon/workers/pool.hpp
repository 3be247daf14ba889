// The pool: for each environment a lean zygote and some with packages already imported, and for each zygote a few spare
// workers that wait, sandboxed and warm, for their one execution. Engine thread only.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/async.hpp"
#include "daemon/workers/settings.hpp"
#include "daemon/workers/zygote.hpp"

namespace qflow::workers {

/// Counters for the metrics and for tests.
struct PoolCounts {
  std::uint64_t spare_hits = 0;
  std::uint64_t spare_misses = 0;
  std::uint64_t workers_started = 0;
  std::uint64_t zygotes_lost = 0;
};

class Pool {
 public:
  Pool(const asio::any_io_executor& executor, const Settings& settings);
  ~Pool();

  /// A fresh worker of `python` in `sandbox`, if possible with `modules` imported: a spare, or, under limits of its
  /// own, forked to order. Waits when there is none. Throws Fault.
  /// `name`: an environment of that version apart from the others; empty: the version's own.
  Task<std::shared_ptr<Worker>> acquire(const std::string& python, const std::string& name,
                                        const std::vector<std::string>& modules, const Sandbox& sandbox);
  /// Starts the zygote and the spares of `python` ahead of the first execution. Throws Fault.
  Task<> warm_up(const std::string& python, const std::string& name = {});
  /// Ends the zygotes and spares of the environment `name`; executions in it go on.
  void drop(const std::string& name);
  /// Takes other settings for what starts from now on: zygotes and spares of before are replaced.
  void adopt(const Settings& settings);
  /// The execution that took this worker is over; it is killed if it still lives.
  void release(const std::shared_ptr<Worker>& worker);
  /// Retires every zygote; spares are killed.
  void shut_down();

  const PoolCounts& counts() const { return counts_; }
  /// Workers that run an execution, for the watch.
  const std::set<std::shared_ptr<Worker>>& running() const { return running_; }
  const Settings& settings() const { return settings_; }
  /// For /health: Python version → state and process ids.
  struct EnvironmentState {
    std::string python, name;
    std::vector<pid_t> pids;  ///< of its zygotes
    bool ready = false;
    std::size_t zygotes = 0;
    std::size_t spares = 0;
  };
  std::vector<EnvironmentState> states() const;

 private:
  struct Nursery;      // a zygote and its spares
  struct Environment;  // one Python and what is granted to it: nurseries by module set
  Environment& environment(const std::string& python, const std::string& name, const Sandbox& sandbox);
  static void close_all(Environment& environment);
  std::shared_ptr<Nursery> choose(Environment& environment, const std::vector<std::string>& modules);
  std::shared_ptr<Nursery> add_nursery(Environment& environment, std::vector<std::string> modules);
  static Task<> bring_up(std::shared_ptr<Nursery> nursery);
  static Task<> raise_spare(std::shared_ptr<Nursery> nursery, bool warm);
  static void refill(const std::shared_ptr<Nursery>& nursery);
  static void spawn_failed(const std::shared_ptr<Nursery>& nursery, const std::string& problem);
  static Task<> resume_later(std::shared_ptr<Nursery> nursery);
  std::shared_ptr<Worker> hand_out(Environment& home, const std::shared_ptr<Nursery>& nursery,
                                   std::shared_ptr<Worker> worker);
  void renew_if_worn(Environment& environment, const std::shared_ptr<Nursery>& nursery);

  asio::any_io_executor executor_;
  Settings settings_;
  PoolCounts counts_;
  std::map<std::string, std::unique_ptr<Environment>> environments_;
  std::set<std::shared_ptr<Worker>> running_;
};

}  // namespace qflow::workers
