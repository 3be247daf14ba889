#include "daemon/workers/watch.hpp"

#include "daemon/workers/proc.hpp"

namespace qflow::workers {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(50);
// RLIMIT_DATA stops one process at its limit with a MemoryError, which tells a node more than a kill does. So the watch
// leaves the room that the interpreter itself takes on top.
constexpr std::uint64_t kSlack = 32ULL << 20U;

void look_at(Worker& worker, const ProcessTable& table, const sandbox::Limits& limits) {
  const auto tree = table.tree_of(worker.pid(), std::size_t{limits.processes} + 2);
  if (tree.size() > limits.processes) return worker.kill(End::processes);
  std::uint64_t used = 0;
  std::uint64_t shared = 0;
  for (const pid_t pid : tree) {
    const MemoryUse memory = memory_of(pid);
    // What is still shared with the zygote counts in each process and belongs to none.
    used += memory.anonymous - std::min(memory.anonymous, worker.base_memory());
    shared = std::max(shared, memory.shared);  // mapped by several, held once
  }
  if (used + shared > worker.memory_limit() + kSlack) worker.kill(End::memory);
}

}  // namespace

Task<> watch(Pool& pool) {
  for (;;) {
    co_await sleep_for(kInterval);
    const auto due = Clock::now() - kInterval / 2;
    std::vector<std::shared_ptr<Worker>> old;
    for (const auto& worker : pool.running())
      if (worker->end() == End::none && worker->started() < due) old.push_back(worker);
    if (old.empty()) continue;
    const ProcessTable table;
    for (const auto& worker : old) look_at(*worker, table, pool.settings().limits);
  }
}

}  // namespace qflow::workers
