// The worker: serves the loads, calls and fetches of one execution and is then thrown away. Everything in it is within
// reach of node code (ctypes, gc, frames), so nothing here is a boundary; the walls around the process are.
#pragma once
#include "sandbox/inner.hpp"

namespace qflow::pyhost {

/// In a newly forked child: enters the inner sandbox, checks it, sends `hello`, serves frames until the socket closes.
/// `warm`: runs a little Python first.
[[noreturn]] void become_worker(const sandbox::InnerSandbox& inner, const sandbox::WorkerFds& fds, bool warm);

}  // namespace qflow::pyhost
