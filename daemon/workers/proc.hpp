// What /proc says about a worker's processes, from outside. Stateless; any thread. Each call reads a file or
// two, so more than a few belong on a thread that may wait.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::workers {

/// Sizes in bytes. Zero for a process that is gone.
struct ProcessStatus {
  std::uint64_t anonymous = 0;  ///< RssAnon + VmSwap
  std::uint64_t shared = 0;     ///< RssShmem: shared anonymous memory and mapped tmpfs files
  std::uint64_t peak = 0;       ///< VmHWM
  std::uint64_t threads = 0;
  std::uint64_t mapped = 0;  ///< address space that is no private memory, stack or code: shared mappings and files
};
ProcessStatus status_of(pid_t pid);
/// The text of /proc/PID/status, which status_of() parses; empty for a process that is gone.
std::string status_text(pid_t pid);
ProcessStatus parse_status(std::string_view text);

/// The use by a process and by the children that it has waited for.
struct ProcessTimes {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t cpu_us() const { return user_us + system_us; }
};
ProcessTimes times_of(pid_t pid);
/// How a process ended that its parent has not waited for yet (a zombie): exit code or signal, and its use. Nothing for
/// one that still runs, or that is gone for good.
std::optional<schema::Exited> exit_of(pid_t pid);
/// The process's own time, without its children's. Microseconds.
std::int64_t own_cpu_us(pid_t pid);
/// The process's share of anonymous memory: each page divided by the number of processes that map it. Nothing where the
/// daemon may not ask (only root may, because workers are not dumpable).
std::optional<std::uint64_t> proportional_memory(pid_t pid);

/// The shared anonymous mappings of a process (mmap(2), MAP_SHARED, /dev/zero included), by inode: each with the
/// largest extent that is mapped. Their pages count nowhere else once MADV_DONTNEED has dropped them from the page
/// tables. Nothing where the daemon may not ask (only root may, because workers are not dumpable).
std::optional<std::map<std::uint64_t, std::uint64_t>> shared_memory(pid_t pid);
/// The inodes of a process's sockets; nothing where the daemon may not ask.
std::optional<std::set<std::uint64_t>> sockets_of(pid_t pid);

/// The children of processes, for one inspection of the machine. Kernels with CONFIG_PROC_CHILDREN (Debian's) list them
/// for one process at a time; on others one scan of /proc serves all queries of the same table.
class ProcessTable {
 public:
  ProcessTable();
  /// `root` and all its descendants, about `limit` of them at most (the children of one process are listed whole). A
  /// worker is PID 1 of its namespace, so orphans of the processes it started become its children again, and the result
  /// is the whole namespace.
  std::vector<pid_t> tree_of(pid_t root, std::size_t limit) const;

 private:
  void append_children(pid_t parent, std::vector<pid_t>& found) const;
  bool scanned_ = false;
  std::multimap<pid_t, pid_t> children_;
};

}  // namespace qflow::workers
