#include "daemon/workers/lease.hpp"

#include <boost/asio/post.hpp>

#include "daemon/workers/pool.hpp"

namespace qflow::workers {

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = other.pool_;
  executor_ = std::move(other.executor_);
  worker_ = std::move(other.worker_);
  return *this;
}

void Lease::give_back() {
  if (!worker_) return;
  asio::post(executor_, [pool = pool_, worker = std::move(worker_)] {
    if (pool != nullptr) pool->release(worker);
    else worker->release();
  });
}

}  // namespace qflow::workers
