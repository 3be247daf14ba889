// The daemon's own watch over what running workers hold: the sum of memory and the number of processes over each
// worker's whole PID namespace, at least every 50 ms. It holds the limits where no cgroup does. Engine thread.
#pragma once
#include "daemon/async.hpp"
#include "daemon/workers/pool.hpp"

namespace qflow::workers {

/// Runs until cancelled. A worker above its limit is killed with End::memory or End::processes.
Task<> watch(Pool& pool);

}  // namespace qflow::workers
