// The part of Worker that checks what its processes hold and use: by the cgroup's counters where there is a cgroup,
// otherwise by /proc.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "daemon/workers/proc.hpp"
#include "daemon/workers/worker.hpp"

namespace qflow::workers {

// Where no cgroup counts: each process's own time; for processes that have ended, the time last seen. A parent's sum of
// its children misses those that nobody waited for (SIGCHLD ignored) but includes those that came and went between two
// checks, so the larger of both counts. Not where there are branches: their time is their own, also when they have been
// waited for.
std::int64_t Worker::cpu_of(const std::vector<pid_t>& tree) {
  std::map<pid_t, std::int64_t> now;
  std::int64_t with_children = 0;
  std::int64_t sum = 0;
  for (const pid_t pid : tree) {
    sum += now[pid] = own_cpu_us(pid);
    with_children += times_of(pid).cpu_us();
  }
  for (const auto& [pid, last] : seen_cpu_)
    if (now.count(pid) == 0) gone_cpu_ += last;
  seen_cpu_ = std::move(now);
  const bool alone = !parent_ && next_branch_ == 1;
  return alone ? std::max(sum + gone_cpu_, with_children) : sum + gone_cpu_;
}

// Shared memory of all processes together: what the page tables show, or, where it may be more, what is mapped. `used`
// is what they hold besides.
std::uint64_t Worker::shared_memory_of(const std::vector<pid_t>& tree, const std::vector<ProcessStatus>& status,
                                       std::uint64_t used) const {
  std::uint64_t resident = 0;  // mapped by several, held once
  std::uint64_t mapped = 0;    // an upper bound: each process's new mappings, shared or not
  for (const ProcessStatus& one : status) {
    resident = std::max(resident, one.shared);
    mapped += one.mapped - std::min(one.mapped, base_mapped_);
  }
  if (used + mapped <= limits_.memory) return resident;  // whatever it is, it fits
  std::map<std::uint64_t, std::uint64_t> extents;
  for (const pid_t pid : tree) {
    const auto own = shared_memory(pid);
    if (!own) {
      // Only root may look closer. Mapped files and libraries are among these mappings, so leave room for them.
      constexpr std::uint64_t kLibraries = 512ULL << 20U;
      return std::max(resident, mapped - std::min(mapped, kLibraries));
    }
    for (const auto& [inode, extent] : *own) extents[inode] = std::max(extents[inode], extent);
  }
  std::uint64_t sum = 0;
  for (const auto& [inode, extent] : extents) sum += extent;
  return std::max(resident, sum);
}

// What the sockets of all processes may hold in their buffers. Each descriptor may be one end of a pair.
std::uint64_t Worker::socket_memory_of(const std::vector<pid_t>& tree) {
  constexpr std::uint64_t kBuffer = 208ULL << 10U;  // net.core.wmem_default; nodes may not set SO_SNDBUF
  constexpr std::size_t kFew = 16;                  // what event loops and pools need
  std::set<std::uint64_t> inodes;
  for (const pid_t pid : tree)
    if (const auto own = sockets_of(pid)) inodes.insert(own->begin(), own->end());
  return inodes.size() <= kFew ? 0 : inodes.size() * kBuffer;
}

bool Worker::is_over_memory(const std::vector<pid_t>& tree) const {
  // RLIMIT_DATA stops one process at its limit with a MemoryError, which tells a node more than a kill does. So the
  // watch leaves room for what the interpreter itself takes on top.
  constexpr std::uint64_t kSlack = 32ULL << 20U;
  std::uint64_t used = 0;
  std::vector<ProcessStatus> status;
  for (const pid_t pid : tree) {
    status.push_back(status_of(pid));
    // Memory still shared with the zygote is counted in each process and belongs to none.
    used += status.back().anonymous - std::min(status.back().anonymous, base_memory_);
  }
  const std::uint64_t shared = shared_memory_of(tree, status, used);
  const std::uint64_t sockets = tree.size() > 1 ? socket_memory_of(tree) : 0;
  if (used + shared + sockets <= limits_.memory + kSlack) return false;
  // Pages that a child shares with its parent were counted in both. The kernel can divide them, but takes longer.
  std::uint64_t divided = 0;
  for (const pid_t pid : tree) {
    if (const auto one = proportional_memory(pid)) divided += *one;
    else if (status_of(pid).anonymous != 0) return true;  // not readable; a process that has ended since holds nothing
  }
  return divided + shared + sockets > limits_.memory + kSlack;
}

void Worker::look(const ProcessTable& table) {
  if (const auto forks = branches(); !forks.empty()) return look_with_branches(table, forks);
  std::vector<pid_t> tree;
  if (!leaf_) {
    tree = table.tree_of(pid_, std::size_t{limits_.processes} + 2);
    if (tree.size() > limits_.processes) return kill(End::processes);
    if (is_over_memory(tree)) return kill(End::memory);
  }
  charge(leaf_ ? leaf_->cpu_us() : cpu_of(tree), !leaf_);
}

// A node's time counts from the first check: up to one interval in its favour.
void Worker::charge(std::int64_t cpu, bool by_process) {
  if (std::exchange(by_process_, by_process) != by_process) new_node_ = true;  // another sum
  if (std::exchange(new_node_, false)) cpu_before_ = cpu;
  else if (std::chrono::microseconds(cpu - cpu_before_) > cpu_budget_) kill(End::cpu);
}

bool Worker::at_process_limit(const ProcessTable& table) const {
  if (parent_) return parent_->at_process_limit(table);
  // RLIMIT_NPROC is as low as pids.max and may have been reached first.
  if (leaf_) return leaf_->processes() + 1 >= limits_.processes || leaf_->use().processes_refused > 0;
  std::uint64_t threads = 0;
  for (const pid_t pid : table.tree_of(pid_, std::size_t{limits_.processes} + 2)) threads += status_of(pid).threads;
  return threads + 1 >= limits_.processes;
}

std::int64_t Worker::seen_cpu() const {
  std::int64_t sum = gone_cpu_;
  for (const auto& [pid, last] : seen_cpu_) sum += last;
  return sum;
}

Usage Worker::usage() const {
  if (leaf_) {
    const sandbox::CgroupUse use = leaf_->use();
    return {use.user_us, use.system_us, use.peak_memory_bytes, use.minor_faults, use.major_faults, 0};
  }
  // Once the worker was reaped, its PID may be another process's; then only wait4's figures are left.
  if (exited_)
    return {std::max(exited_->user_us, seen_cpu() - exited_->system_us),
            exited_->system_us,
            exited_->max_rss_kib * 1024,
            exited_->minor_faults,
            exited_->major_faults,
            0};
  ProcessTimes times = times_of(pid_);
  // The watch has seen time of processes that nobody waited for; no parent's sum includes it.
  times.user_us = std::max(times.user_us, seen_cpu() - times.system_us);
  return {times.user_us,      times.system_us,    static_cast<std::int64_t>(status_of(pid_).peak),
          times.minor_faults, times.major_faults, 0};
}

}  // namespace qflow::workers
