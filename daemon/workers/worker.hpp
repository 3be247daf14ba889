// One worker as the daemon sees it: a socket, two pipes, a pidfd. Everything that comes out of it is hostile.
// Engine thread only.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/async.hpp"
#include "daemon/workers/output.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/sys.hpp"
#include "schema/messages.hpp"

namespace qflow::workers {

/// Why a worker is no more, or must not be.
enum class End { none, closed, protocol, timed_out, memory, processes, cancelled };

/// Resource use as the kernel tells it (/proc/PID/stat and status). Times in microseconds.
struct Usage {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t peak_memory_bytes = 0;
};

/// The daemon's three ends and, to be passed on to the zygote, the worker's.
struct Channels {
  sandbox::UniqueFd socket, out, err;
  sandbox::UniqueFd worker_socket, worker_out, worker_err;
};
Channels make_channels();

/// Shared: an execution, the pool's watch and the coroutines that drain the pipes hold it, in no fixed order of ending.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  Worker(const asio::any_io_executor& executor, std::uint32_t id, Channels& channels, std::size_t output_limit);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Waits for `hello`, takes the process's identity from the kernel, checks the walls from outside. Returns an empty
  /// text, or why this worker must not be used.
  Task<std::string> greet(const sandbox::Policy& policy, Clock::duration patience);

  /// Queues bytes of whole frames; they are written in the background, in order.
  void post(std::string frames);
  /// The next frame; nothing once the worker is lost, with end() saying why.
  Task<std::optional<schema::Frame>> receive();
  /// From now until receive() returns a frame past it, the worker is killed at `when` (end() is timed_out).
  void set_deadline(Clock::time_point when);
  void clear_deadline() { deadline_.cancel(); }

  /// What load or call `id` wrote to standard output and error. Reads what is in the pipes first.
  Captured take_output(std::uint32_t id, bool standard_error);

  /// Kills the worker and with it all it started. The first reason stays.
  void kill(End why);
  End end() const { return end_; }
  /// More about the end: what was wrong in the protocol.
  const std::string& end_detail() const { return end_detail_; }
  /// An execution takes it: from now the watch looks at it, and its pipes are drained. `memory`: bytes that all its
  /// processes may hold; `lower`: that is less than the worker was forked with.
  void begin(std::uint64_t memory, bool lower);

  /// How it ended, once the zygote has reaped it; waits up to `patience` for that.
  Task<std::optional<schema::Exited>> wait_exit(Clock::duration patience);
  void note_exit(const schema::Exited& exited);
  /// Its zygote is gone, and by the PID namespace so is it; nobody will tell how it ended.
  void note_zygote_lost();
  bool zygote_lost() const { return zygote_lost_; }

  Usage usage() const;
  std::uint32_t id() const { return id_; }
  /// In the daemon's PID namespace, from the kernel; 0 before greet().
  pid_t pid() const { return pid_; }
  /// Whether the process still is there, by its pidfd. False before greet().
  bool alive() const;
  /// Anonymous memory it shares with its zygote, in bytes: not its own.
  std::uint64_t base_memory() const { return base_memory_; }
  const std::string& nonce() const { return nonce_; }
  /// Since when it runs, and how much memory all its processes may hold, in bytes.
  Clock::time_point started() const { return started_; }
  std::uint64_t memory_limit() const { return memory_limit_; }
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
  void limit_memory(std::uint64_t bytes) const;
  void start_draining();
  static Task<> drain(std::shared_ptr<Worker> self, Pipe& pipe);
  static Task<> write_queue(std::shared_ptr<Worker> self);
  static bool read_available(Pipe& pipe);
  Task<bool> read_more();
  void lose(End why, std::string detail = {});

  std::uint32_t id_;
  std::string nonce_;
  asio::local::stream_protocol::socket socket_;
  Pipe out_, err_;
  schema::Decoder decoder_;
  std::string queue_;
  bool writing_ = false;
  asio::steady_timer deadline_;
  asio::steady_timer drain_later_;
  Clock::time_point started_ = Clock::time_point::max();
  std::uint64_t memory_limit_ = 0;
  Event exited_event_;
  std::optional<schema::Exited> exited_;
  pid_t pid_ = 0;
  sandbox::UniqueFd pidfd_;
  std::uint64_t base_memory_ = 0;
  std::uint64_t base_data_ = 0;
  bool zygote_lost_ = false;
  End end_ = End::none;
  std::string end_detail_;
};

}  // namespace qflow::workers
