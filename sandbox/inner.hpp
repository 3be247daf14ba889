// The inner walls: what one worker puts up around itself between the fork and its first frame.
#pragma once
#include <linux/filter.h>
#include <sys/resource.h>

#include <cstdint>
#include <vector>

#include "sandbox/landlock.hpp"
#include "sandbox/policy.hpp"

namespace qflow::sandbox {

/// The descriptors a worker keeps: its socket, standard output and standard error. Standard error is also kept as
/// kEventFd (denied.hpp).
struct WorkerFds {
  int control = -1;
  int out = -1;
  int err = -1;
};
/// The number of a worker's socket after the set-up.
inline constexpr int kControlFd = 3;

/// Where the set-up stopped: the step's name and errno; step is null when every step succeeded.
struct StepFailure {
  const char* step = nullptr;
  int error = 0;
};

/// In a branch, a worker's own fork: puts `fds` in the place of the worker's socket, outputs and kEventFd, so that
/// nothing of the worker's channels is left in it. The caller closes `fds`. No allocation, no lock, no exception.
StepFailure take_channels(const WorkerFds& fds) noexcept;

/// Forks workers into sandboxes. Made once in a zygote, inside the outer walls and after everything is imported (a
/// worker's memory limit comes on top of what the zygote holds then); everything that allocates happens there.
class InnerSandbox {
 public:
  /// Compiles the filter and the Landlock plan. Throws std::runtime_error or SysError.
  explicit InnerSandbox(const Policy& policy);

  /// The limits of the workers forked from now on; never above those of the policy. Throws std::invalid_argument.
  void limit(const Limits& limits);

  /// clone3(2) into a worker's own namespaces, with signal handlers reset, and into the cgroup of the directory
  /// `cgroup_fd` if that is not -1: no instruction of the worker runs outside its limits. Returns as fork(2) does; -1
  /// with errno. The caller must have one thread.
  pid_t fork_worker(int cgroup_fd = -1) const noexcept;

  /// In the child: puts up every wall in the order of README.md. No allocation, no lock, no exception.
  StepFailure enter(const WorkerFds& fds) const noexcept;

 private:
  StepFailure mount_private() const noexcept;
  void prepare_limits();
  StepFailure set_limits() const noexcept;
  struct ResourceLimit {
    int resource;
    const char* step;
    rlimit value;
  };
  Policy policy_;
  Limits limits_;
  std::vector<ResourceLimit> resource_limits_;
  std::vector<sock_filter> filter_;
  LandlockPlan landlock_;
  std::string tmpfs_options_;
  int last_capability_ = 40;
  std::uint64_t base_data_ = 0;   ///< writable memory of the zygote; a worker's own limit comes on top
  pid_t* tid_address_ = nullptr;  ///< libc's cached thread id, to be set again in a child
};

}  // namespace qflow::sandbox
