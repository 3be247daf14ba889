// A worker taken from the pool, given back by itself. Engine strand.
#pragma once
#include <memory>

#include "daemon/base/async.hpp"
#include "daemon/workers/worker.hpp"

namespace qflow::workers {

class Pool;

/// Move-only owner of a worker that Pool::acquire() handed out. Its destructor gives the worker back: it is killed if
/// it still lives and its place refilled, a turn of the event loop later, because both can wait until the answer that
/// its owner is about to send is on its way.
class Lease {
 public:
  Lease() = default;
  Lease(Pool& pool, asio::any_io_executor executor, std::shared_ptr<Worker> worker)
      : pool_(&pool), executor_(std::move(executor)), worker_(std::move(worker)) {}
  /// Of a branch, which nobody takes back: it only ends.
  Lease(asio::any_io_executor executor, std::shared_ptr<Worker> branch)
      : executor_(std::move(executor)), worker_(std::move(branch)) {}
  ~Lease() { give_back(); }
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// Gives the worker back now; the lease is empty afterwards. Does nothing for an empty one.
  void give_back();
  explicit operator bool() const { return worker_ != nullptr; }
  Worker* operator->() const { return worker_.get(); }
  Worker& operator*() const { return *worker_; }

 private:
  Pool* pool_ = nullptr;
  asio::any_io_executor executor_;
  std::shared_ptr<Worker> worker_;  // shared with the pool's watch and the coroutines that drain its pipes
};

}  // namespace qflow::workers
