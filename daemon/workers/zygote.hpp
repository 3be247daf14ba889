// One zygote process: started, configured, asked for workers. Engine strand only.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/base/async.hpp"
#include "daemon/workers/pool_settings.hpp"
#include "daemon/workers/worker.hpp"

namespace qflow::workers {

/// Shared by its reading coroutine and the pool; a retired zygote lives on until its last worker was reaped.
class Zygote : public std::enable_shared_from_this<Zygote> {
 public:
  /// `sandbox`: the grants; its limits apply to every worker that gets none of its own.
  Zygote(const asio::any_io_executor& executor, const Settings& settings, std::string pyhost,
         std::vector<std::string> modules, const Sandbox& sandbox, const Venv* venv);
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  /// Starts the process and waits until it is confined and ready. Throws a Fault that says what the host refused and
  /// what to do.
  Task<> start();
  /// Asks for a worker under `limits` and waits for its `hello`. Null, with the reason in the log, if it did not come
  /// up. Throws SysError when the daemon is out of descriptors or the worker's cgroup cannot be made. `warm`: the
  /// worker will wait for its job, so it prepares itself to answer sooner.
  Task<std::shared_ptr<Worker>> spawn(sandbox::Limits limits, bool warm);
  /// No new workers; the process ends once its workers have.
  void retire();

  bool alive() const { return alive_; }
  bool retired() const { return retired_; }
  /// Whether it has served long enough to be replaced.
  bool worn_out() const;
  const std::vector<std::string>& modules() const { return modules_; }
  /// A module whose import left the process with threads, so that this zygote could not serve; empty otherwise.
  const std::string& threaded_module() const { return threaded_module_; }
  const std::string& python() const { return python_; }
  /// Top-level modules that its workers can import at no cost.
  const std::set<std::string>& present() const { return present_; }
  const sandbox::Policy& policy() const { return policy_; }
  pid_t pid() const { return process_.pid(); }

 private:
  static Task<> listen(std::shared_ptr<Zygote> self);
  void dispatch(const schema::Frame& frame);
  void lost(const std::string& why);

  asio::any_io_executor executor_;
  const Settings& settings_;
  std::string pyhost_;
  std::vector<std::string> modules_;
  std::optional<Venv> venv_;  ///< whose packages its workers import
  sandbox::Policy policy_;
  asio::local::stream_protocol::socket socket_;
  sandbox::ChildProcess process_;
  schema::Decoder decoder_{1U << 20U};
  Event changed_;
  std::unordered_map<std::uint32_t, std::weak_ptr<Worker>> workers_;
  std::uint32_t next_worker_ = 1;
  bool ready_ = false;
  bool alive_ = false;
  bool retired_ = false;
  std::string failure_;
  std::string python_;
  std::string threaded_module_;
  std::set<std::string> present_;
  Clock::time_point born_ = Clock::now();
};

}  // namespace qflow::workers
