// The pool: for each environment a lean zygote and some with packages already imported, and for each zygote a few spare
// workers that wait, sandboxed and warm, for their one execution. Engine strand only.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/async.hpp"
#include "daemon/workers/lease.hpp"
#include "daemon/workers/pool_settings.hpp"
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

  /// A fresh worker of `python` in `sandbox`, if possible with `modules` imported: a spare, or a worker forked to order
  /// if `sandbox` has limits of its own. Waits while there is none. Throws Fault.
  /// `name`: a separate environment of that version; empty: the version's own.
  Task<Lease> acquire(const std::string& python, const std::string& name, const std::vector<std::string>& modules,
                      const Sandbox& sandbox);
  /// Starts the zygote and the spares of `python` before the first execution. Throws Fault.
  Task<> warm_up(const std::string& python, const std::string& name = {});
  /// Ends the zygotes and spares of the environment `name`; executions in it go on.
  void drop(const std::string& name);
  /// Ends what waits without need: spares that a burst of executions left behind and, after Settings::idle_minutes
  /// without an execution, sets of imported packages and all but one spare of a named environment.
  void trim();
  /// Applies other settings to everything that starts from now on; existing zygotes and spares are replaced.
  void adopt(const Settings& settings);
  /// Retires every zygote; spares are killed.
  void shut_down();

  const PoolCounts& counts() const { return counts_; }
  const asio::any_io_executor& executor() const { return executor_; }
  /// Workers that run an execution, for the watch.
  const std::set<std::shared_ptr<Worker>>& running() const { return running_; }
  const Settings& settings() const { return settings_; }
  /// One environment of one Python, with all its zygotes.
  struct EnvironmentState {
    std::string python, name;
    std::vector<pid_t> pids;  ///< of its zygotes
    bool ready = false;
    std::size_t zygotes = 0;
    std::size_t spares = 0;
  };
  std::vector<EnvironmentState> states() const;

 private:
  friend class Lease;
  void release(const std::shared_ptr<Worker>& worker);
  struct Nursery;      // a zygote and its spares
  struct Environment;  // one Python and its grants: nurseries by module set
  Environment& environment(const std::string& python, const std::string& name, const Sandbox& sandbox);
  static void close(Nursery& nursery);
  static void close_all(Environment& environment);
  Clock::duration idle_time() const;
  std::shared_ptr<Nursery> choose(Environment& environment, const std::vector<std::string>& modules);
  std::shared_ptr<Nursery> add_nursery(Environment& environment, std::vector<std::string> modules);
  static Task<> bring_up(std::shared_ptr<Nursery> nursery);
  static Task<> raise_spare(std::shared_ptr<Nursery> nursery, bool warm);
  static void refill(const std::shared_ptr<Nursery>& nursery);
  static void spawn_failed(const std::shared_ptr<Nursery>& nursery, const std::string& problem);
  static Task<> resume_later(std::shared_ptr<Nursery> nursery);
  Lease hand_out(Environment& home, const std::shared_ptr<Nursery>& nursery, std::shared_ptr<Worker> worker);
  void renew_if_worn(Environment& environment, const std::shared_ptr<Nursery>& nursery);

  asio::any_io_executor executor_;
  Settings settings_;
  PoolCounts counts_;
  std::map<std::string, std::unique_ptr<Environment>> environments_;
  std::set<std::shared_ptr<Worker>> running_;
};

}  // namespace qflow::workers
