// The daemon's own watch over what running workers use: the sum of memory and the number of processes over each
// worker's whole PID namespace, about every 50 ms, where no cgroup holds these limits; and each node's processor
// time everywhere. Engine strand.
#pragma once
#include "daemon/base/async.hpp"
#include "daemon/workers/pool.hpp"

namespace qflow::workers {

/// Runs until cancelled. A worker above a limit is killed with End::memory, End::processes or End::cpu.
Task<> watch(Pool& pool);

}  // namespace qflow::workers
