#include "daemon/workers/watch.hpp"

#include "daemon/workers/proc.hpp"

namespace qflow::workers {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(50);
constexpr int kTrimEvery = 20;
constexpr int kRestingEvery = 20;

}  // namespace

Task<> watch(Pool& pool) {
  for (int round = 0;; ++round) {
    co_await sleep_for(kInterval);
    if (round % kTrimEvery == 0) pool.trim();
    if (pool.settings().cgroups != nullptr) pool.settings().cgroups->sweep();
    const auto due = Clock::now() - kInterval / 2;
    std::vector<std::shared_ptr<Worker>> old;
    for (const auto& worker : pool.running()) {
      if (worker->is_resting() && round % kRestingEvery != 0) continue;
      if (worker->end() == End::none && worker->started() < due) old.push_back(worker);
    }
    if (old.empty()) continue;
    const ProcessTable table;
    for (const auto& worker : old) worker->look(table);
  }
}

}  // namespace qflow::workers
