// cgroup v2: the limits that hold for all processes of a worker together. Daemon side: a worker sees no cgroup file
// system and cannot change what is set here. cgroups(7); Documentation/admin-guide/cgroup-v2.rst of the kernel;
// systemd's CGROUP_DELEGATION.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "sandbox/policy.hpp"
#include "sandbox/sys.hpp"

namespace qflow::sandbox {

/// What a leaf counted for all its processes together, including those that have ended.
struct CgroupUse {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t peak_memory_bytes = 0;
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t oom_kills = 0;          ///< above memory.max; the whole leaf is then killed, unless end_singly()
  std::int64_t processes_refused = 0;  ///< forks that failed at pids.max
};

/// One worker's cgroup. Killed and removed with this object. One thread at a time.
class CgroupLeaf {
 public:
  CgroupLeaf(UniqueFd directory, std::string path) : directory_(std::move(directory)), path_(std::move(path)) {}
  ~CgroupLeaf();
  CgroupLeaf(const CgroupLeaf&) = delete;
  CgroupLeaf& operator=(const CgroupLeaf&) = delete;
  /// Throws SysError.
  void set(const Limits& limits) const;
  /// From now on the kernel ends only one process when they hold too much memory, the largest: branches are to survive
  /// one another.
  void end_singly() const noexcept;
  /// Ends every process in it (cgroup.kill).
  void kill() const noexcept;
  CgroupUse use() const;
  std::int64_t cpu_us() const;
  /// Processes and threads in it now.
  std::int64_t processes() const;
  /// For clone3(2), CLONE_INTO_CGROUP.
  int fd() const { return directory_.get(); }

 private:
  friend class CgroupTree;
  std::string read(const char* file) const;
  void write(const char* file, const std::string& text) const;
  bool remove() const noexcept;
  UniqueFd directory_;
  std::string path_;
  class CgroupTree* tree_ = nullptr;
};

/// The daemon's delegated part of the hierarchy: daemon in BASE/daemon, zygotes in BASE/workers/zygotes, each worker in
/// BASE/workers/N, because only leaves may hold processes. Must outlive its leaves. One thread at a time.
class CgroupTree {
 public:
  /// Claims the cgroup that this process is in, if it is delegated to it with the cpu, memory and pids controllers and
  /// holds no other process. Null, with the reason, if not. `worker_uid`: the zygotes' user when this process is root.
  static std::unique_ptr<CgroupTree> claim(uid_t worker_uid, std::string& problem);
  ~CgroupTree();
  CgroupTree(const CgroupTree&) = delete;
  CgroupTree& operator=(const CgroupTree&) = delete;

  /// Moves a process that has just been started, and has no child yet, to the zygotes. Throws SysError.
  void adopt_zygote(pid_t pid) const;
  /// A new leaf under `limits`. Throws SysError.
  std::unique_ptr<CgroupLeaf> make_leaf(const Limits& limits);
  /// Removes the leaves whose last process has since gone.
  void sweep() noexcept;

 private:
  friend class CgroupLeaf;
  CgroupTree(std::string base, uid_t owner) : base_(std::move(base)), owner_(owner) {}
  std::string base_;
  uid_t owner_;  ///< the user whose zygotes may clone into leaves; 0: this process's own user
  std::uint64_t next_ = 1;
  std::vector<std::string> leaving_;  ///< leaves whose processes are still on their way out
};

/// Why this process's cgroup cannot be claimed, or empty when it can. Changes nothing.
std::string cgroup_problem();

}  // namespace qflow::sandbox
