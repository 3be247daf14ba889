#include "daemon/engine/kept_workers.hpp"

#include <algorithm>

namespace qflow::engine {
namespace {

constexpr std::size_t kMostOfUser = 2;
constexpr auto kMoment = std::chrono::seconds(1);

}  // namespace

bool KeptWorker::is_usable() {
  const bool there = worker && !worker->is_lost() && !holder().is_lost() && worker->worker().alive();
  return there && holder().threads() == 1;
}

bool KeptWorker::is_alone() { return worker->worker().processes() == (branch ? 2U : 1U); }

std::shared_ptr<KeptWorker> KeptWorkers::take(const std::string& user, const std::string& workflow_id) {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const std::unique_ptr<KeptWorker>& one) {
    return one->user == user && one->workflow_id == workflow_id;
  });
  if (found == kept_.end()) return nullptr;
  std::unique_ptr<KeptWorker> one = std::move(*found);
  kept_.erase(found);
  if (!one->is_usable() || !one->is_alone()) return nullptr;
  auto give_back = [pool = weak_from_this(), executor = executor_](KeptWorker* used) {
    asio::post(executor, [pool, again = std::unique_ptr<KeptWorker>(used)]() mutable {
      if (const auto kept = pool.lock()) kept->put(std::move(again));
    });
  };
  ++uses_;
  return {one.release(), std::move(give_back)};
}

void KeptWorkers::put(std::unique_ptr<KeptWorker> worker) {
  if (!is_on() || !worker->is_usable() || worker->values.empty()) return;
  worker->holder().worker().rest();
  worker->until = Clock::now() + keep_;
  worker->memory = worker->worker->worker().own_memory();
  if (worker->branch) worker->memory += worker->branch->worker().own_memory();
  std::erase_if(kept_, [&](const std::unique_ptr<KeptWorker>& one) {
    return one->user == worker->user && one->workflow_id == worker->workflow_id;
  });
  kept_.push_back(std::move(worker));
  trim();
  look_later();
}

// Forks that the execution has used end a moment later than it; what is left then has been started by a node.
void KeptWorkers::look_later() {
  look_.expires_after(kMoment);
  look_.async_wait([pool = weak_from_this()](boost::system::error_code error) {
    const auto kept = pool.lock();
    if (!kept || error) return;
    std::erase_if(kept->kept_,
                  [](const std::unique_ptr<KeptWorker>& one) { return !one->is_usable() || !one->is_alone(); });
  });
}

void KeptWorkers::forget(const std::string& workflow_id) {
  std::erase_if(kept_, [&](const std::unique_ptr<KeptWorker>& one) { return one->workflow_id == workflow_id; });
}

void KeptWorkers::close() {
  closed_ = true;
  timer_.cancel();
  look_.cancel();
  kept_.clear();
}

// From the newest to the oldest: what is above a bound ends. Looks again when the oldest one's time is over.
void KeptWorkers::trim() {
  const auto now = Clock::now();
  std::map<std::string, std::size_t> of_user;
  std::uint64_t memory = 0;
  for (auto one = kept_.rbegin(); one != kept_.rend(); ++one) {
    const bool lost = (*one)->worker->is_lost() || (*one)->holder().is_lost();
    memory += (*one)->memory;
    if (lost || (*one)->until <= now || ++of_user[(*one)->user] > kMostOfUser || memory > most_memory_) one->reset();
  }
  std::erase(kept_, nullptr);
  if (kept_.empty()) return;
  timer_.expires_at(kept_.front()->until);
  timer_.async_wait([pool = weak_from_this()](boost::system::error_code error) {
    if (const auto kept = pool.lock(); kept && !error) kept->trim();
  });
}

}  // namespace qflow::engine
