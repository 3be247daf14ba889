// One worker as the daemon sees it: a socket, two pipes, a pidfd. Everything that comes out of it is hostile.
// Engine strand only.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/workers/output.hpp"
#include "daemon/workers/pool_settings.hpp"
#include "daemon/workers/proc.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace qflow::workers {

/// Why a worker has ended or must end.
enum class End { none, closed, protocol, timed_out, cpu, memory, processes, output, cancelled };

/// Resource use as the kernel reports it: the cgroup's counters, wait4(2), or /proc while the worker lives. Times in
/// microseconds.
struct Usage {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t peak_memory_bytes = 0;
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t written_bytes = 0;  ///< files, as the worker reports, and output
};

/// The daemon's three ends and the worker's three, to be passed on to the zygote.
struct Channels {
  sandbox::UniqueFd socket, out, err;
  sandbox::UniqueFd worker_socket, worker_out, worker_err;
};
Channels make_channels();

/// Shared by an execution, the pool's watch and the coroutines that drain the pipes, which end in no fixed order.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  /// `limits`: the limits it is forked with. `leaf`: its cgroup, or null.
  Worker(const asio::any_io_executor& executor, std::uint32_t id, Channels& channels, const Settings& settings,
         const sandbox::Limits& limits, std::unique_ptr<sandbox::CgroupLeaf> leaf);
  /// A branch: a fork of `parent`, in its sandbox and under its limits, that ends with it.
  Worker(std::shared_ptr<Worker> parent, std::uint32_t id, Channels& channels);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Waits for `hello`, takes the process's identity from the kernel, checks the walls from outside. Returns an empty
  /// text, or why this worker must not be used.
  Task<std::string> greet(const sandbox::Policy& policy, Clock::duration patience);
  /// The same of a branch.
  Task<std::string> greet_branch(Clock::duration patience);

  /// Asks the worker to fork itself, after all that was posted before; it answers `branched`. The branch may be posted
  /// to at once, and is greeted before anything is received from it. Throws SysError when the daemon is out of
  /// descriptors.
  std::shared_ptr<Worker> fork();
  bool is_branch() const { return parent_ != nullptr; }
  /// Of a branch that was greeted: its process id in the sandbox, as it says; otherwise 0.
  std::int32_t inner_pid() const { return inner_pid_; }
  /// How many threads it has. 0 before greet().
  std::uint64_t threads() const { return pid_ > 0 ? status_of(pid_).threads : 0; }

  /// Queues bytes of whole frames; they are written in the background, in order.
  void post(std::string frames);
  /// The next frame; nothing once the worker is lost; end() then says why.
  Task<std::optional<schema::Frame>> receive();
  /// Kills the worker at `when` (end() is timed_out), unless the deadline is replaced or cleared before.
  void set_deadline(Clock::time_point when);
  void clear_deadline() { deadline_.cancel(); }

  /// What load or call `id` wrote to standard output and error. Reads what is in the pipes first.
  Captured take_output(std::uint32_t id, bool standard_error);

  /// Calls `told` with text of either stream as it arrives, until nullptr is given. See OutputCutter::live.
  void watch_output(std::function<void(bool standard_error, std::uint32_t after, std::string_view text)> told);

  /// Kills the worker and everything it started; of a branch, what is still a descendant of it. Branches of a worker
  /// end as cancelled. The first reason is kept.
  void kill(End why);
  End end() const { return end_; }
  /// Details of the end: what was wrong in the protocol.
  const std::string& end_detail() const { return end_detail_; }
  /// An execution takes the worker: from now on the watch checks it and its pipes are drained.
  void begin();
  /// Its execution is over, and it stays for another one: it may use a second of processor time, is looked at once a
  /// second, and its place is refilled. begin() ends that.
  void rest();
  bool is_resting() const { return resting_; }
  /// Memory of its own, of its process alone, by the kernel's word; 0 before greet(). Bytes.
  std::uint64_t own_memory() const {
    const ProcessStatus status = pid_ > 0 ? status_of(pid_) : ProcessStatus();
    return status.anonymous + status.shared;
  }
  /// How many processes that have not ended its sandbox has, by the kernel's word, or more than 8. 0 before greet().
  std::size_t processes() const;
  /// Its execution is over: kills it if it still lives and calls on_release.
  void release();
  /// A node starts: from now on it may use `cpu` of processor time, all its processes together.
  void begin_node(Clock::duration cpu);
  /// One check by the watch: kills the worker if it is above a limit that nothing else enforces.
  void look(const ProcessTable& table);
  /// Whether forks are refused because it has all the processes it may have.
  bool at_process_limit(const ProcessTable& table) const;

  /// How it ended, once the zygote has reaped it; waits up to `patience` for that.
  Task<std::optional<schema::Exited>> wait_exit(Clock::duration patience);
  void note_exit(const schema::Exited& exited);
  /// Its zygote is gone and, through the PID namespace, so is the worker; nobody will report how it ended.
  void note_zygote_lost();
  bool zygote_lost() const { return zygote_lost_; }

  Usage usage() const;
  std::uint32_t id() const { return id_; }
  asio::any_io_executor executor() { return socket_.get_executor(); }
  /// In the daemon's PID namespace, from the kernel; 0 before greet().
  pid_t pid() const { return pid_; }
  /// Whether the process still exists, according to its pidfd. False before greet().
  bool alive() const;
  const std::string& nonce() const { return nonce_; }
  Clock::time_point started() const { return started_; }
  const sandbox::Limits& limits() const { return limits_; }
  /// Whether the kernel killed its cgroup for its memory use, or one process of it.
  bool out_of_memory() const { return root().leaf_ && root().leaf_->use().oom_kills > oom_kills_before_; }
  /// Called once when the execution gives it back.
  std::function<void()> on_release;

 private:
  struct Pipe {
    Pipe(const asio::any_io_executor& executor, sandbox::UniqueFd end, const std::string& nonce, std::size_t limit)
        : fd(std::move(end)), stream(executor), cutter(nonce, limit) {}
    int number() { return fd ? fd.get() : stream.is_open() ? stream.native_handle() : -1; }
    void close();
    sandbox::UniqueFd fd;                   ///< until it is drained in the background
    asio::posix::stream_descriptor stream;  ///< from then on
    OutputCutter cutter;
  };
  /// What waits to be written; the descriptors go along with the first byte.
  struct Outgoing {
    std::string bytes;
    std::vector<sandbox::UniqueFd> fds;
  };
  using Trees = std::vector<std::pair<Worker*, std::vector<pid_t>>>;
  Worker& root() { return parent_ ? *parent_ : *this; }
  const Worker& root() const { return parent_ ? *parent_ : *this; }
  std::vector<std::shared_ptr<Worker>> branches() const;
  Trees trees(const ProcessTable& table, const std::vector<std::shared_ptr<Worker>>& forks);
  std::uint64_t own_memory(const std::vector<pid_t>& tree) const;
  void look_with_branches(const ProcessTable& table, const std::vector<std::shared_ptr<Worker>>& forks);
  void charge(std::int64_t cpu, bool by_process);
  void kill_tree();
  bool is_of_parent() const;
  /// Its process id, also before it is greeted; 0: it has not said hello.
  pid_t peeked_pid();
  Task<std::string> greet_as(sandbox::Role role, Clock::duration patience);
  Task<> wait_exit_of_branch(Clock::duration patience);
  std::int64_t cpu_of(const std::vector<pid_t>& tree);
  std::int64_t seen_cpu() const;
  bool is_over_memory(const std::vector<pid_t>& tree) const;
  std::uint64_t shared_memory_of(const std::vector<pid_t>& tree, const std::vector<ProcessStatus>& status,
                                 std::uint64_t used) const;
  static std::uint64_t socket_memory_of(const std::vector<pid_t>& tree);
  void prepare_channels();
  void start_draining();
  static Task<> drain(std::shared_ptr<Worker> self, Pipe& pipe);
  void post(Outgoing outgoing);
  static Task<> write_queue(std::shared_ptr<Worker> self);
  Task<bool> write(Outgoing outgoing);
  bool read_available(Pipe& pipe);
  Task<bool> read_more();
  void lose(End why, std::string detail = {});

  std::uint32_t id_;
  std::string nonce_;
  asio::local::stream_protocol::socket socket_;
  Pipe out_, err_;
  schema::Decoder decoder_;
  std::deque<Outgoing> queue_;
  bool writing_ = false;
  asio::steady_timer deadline_;
  asio::steady_timer drain_later_;
  Clock::time_point started_ = Clock::time_point::max();
  bool resting_ = false;
  sandbox::Limits limits_;
  std::unique_ptr<sandbox::CgroupLeaf> leaf_;
  std::uint64_t max_output_;
  Clock::duration cpu_budget_ = Clock::duration::max();
  std::int64_t cpu_before_ = 0;  ///< microseconds at the watch's first check of this node
  bool new_node_ = true;
  bool by_process_ = false;                 ///< its time was last summed over its processes, although it has a cgroup
  std::map<pid_t, std::int64_t> seen_cpu_;  ///< own time of each process at the last check, where no cgroup counts
  std::int64_t gone_cpu_ = 0;               ///< of processes that have ended since, whoever reaped them
  Event exited_event_;
  std::optional<schema::Exited> exited_;
  pid_t pid_ = 0;
  sandbox::UniqueFd pidfd_;
  std::uint64_t base_memory_ = 0;  ///< anonymous memory it shares with its zygote, in bytes: not its own
  std::uint64_t base_mapped_ = 0;  ///< ProcessStatus::mapped when it was forked
  std::size_t output_bytes_;
  sandbox::Policy policy_;          ///< since it was greeted
  std::shared_ptr<Worker> parent_;  // of a branch, the worker that is PID 1; shared with its execution
  std::vector<std::weak_ptr<Worker>> branches_;
  std::uint32_t next_branch_ = 1;
  std::int32_t inner_pid_ = 0;
  std::int64_t oom_kills_before_ = 0;
  bool zygote_lost_ = false;
  bool released_ = false;
  End end_ = End::none;
  std::string end_detail_;
};

}  // namespace qflow::workers
