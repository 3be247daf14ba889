#include "daemon/engine/kept_workers.hpp"

#include <algorithm>

namespace qflow::engine {
namespace {

constexpr std::size_t kMostOfUser = 2;
constexpr auto kLook = std::chrono::seconds(2);

}  // namespace

bool KeptWorker::is_usable() {
  const bool there = worker && !worker->is_lost() && !holder().is_lost() && worker->worker().alive();
  return there && holder().threads() == 1;
}

std::uint64_t KeptWorker::held() {
  return worker->worker().own_memory() + (branch ? branch->worker().own_memory() : 0);
}

bool KeptWorker::is_alone() { return worker->worker().processes() == (branch ? 2U : 1U); }

std::shared_ptr<KeptWorker> KeptWorkers::take(const std::string& user, const std::string& workflow_id) {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const std::unique_ptr<KeptWorker>& one) {
    return one->user == user && one->workflow_id == workflow_id;
  });
  if (found == kept_.end()) return nullptr;
  std::unique_ptr<KeptWorker> one = std::move(*found);
  kept_.erase(found);
  if (!one->is_usable()) return nullptr;
  auto give_back = [pool = weak_from_this(), executor = executor_](KeptWorker* used) {
    asio::post(executor, [pool, again = std::unique_ptr<KeptWorker>(used)]() mutable {
      if (const auto kept = pool.lock()) kept->put(std::move(again));
    });
  };
  return {one.release(), std::move(give_back)};
}

void KeptWorkers::put(std::unique_ptr<KeptWorker> worker) {
  const bool stale = worker->generation != 0 && worker->generation != generation_;
  if (!is_on() || stale || worker->values.empty() || !worker->is_usable()) return;
  worker->generation = generation_;
  worker->holder().worker().rest();
  worker->until = Clock::now() + keep_;
  worker->memory = worker->held();
  forget(worker->user, worker->workflow_id);
  kept_.push_back(std::move(worker));
  trim();
  look_later();
}

void KeptWorkers::forget(const std::string& user, const std::string& workflow_id) {
  std::erase_if(kept_, [&](const std::unique_ptr<KeptWorker>& one) {
    return one->user == user && one->workflow_id == workflow_id;
  });
}

void KeptWorkers::clear() {
  ++generation_;
  kept_.clear();
}

void KeptWorkers::close() {
  closed_ = true;
  look_.cancel();
  clear();
}

// Forks that an execution has used end a moment later than it; what is left then has been started by a node. What a
// timer of a node does meanwhile shows, too.
void KeptWorkers::look_later() {
  if (kept_.empty()) return;
  look_.expires_after(kLook);
  look_.async_wait([pool = weak_from_this()](boost::system::error_code error) {
    const auto kept = pool.lock();
    if (!kept || error) return;
    std::erase_if(kept->kept_,
                  [](const std::unique_ptr<KeptWorker>& one) { return !one->is_usable() || !one->is_alone(); });
    for (const auto& one : kept->kept_) one->memory = one->held();
    kept->trim();
    kept->look_later();
  });
}

// From the newest to the oldest: what is above a bound ends.
void KeptWorkers::trim() {
  const auto now = Clock::now();
  std::map<std::string, std::size_t> of_user;
  std::uint64_t memory = 0;
  for (auto at = kept_.rbegin(); at != kept_.rend(); ++at) {
    KeptWorker& one = **at;
    const bool stays = one.until > now && of_user[one.user] < kMostOfUser && memory + one.memory <= most_memory_;
    if (!stays) {
      at->reset();
      continue;
    }
    ++of_user[one.user];
    memory += one.memory;
  }
  std::erase(kept_, nullptr);
}

}  // namespace qflow::engine
