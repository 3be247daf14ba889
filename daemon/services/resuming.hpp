// Starts executions again that an earlier process has left queued. Io threads.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"

namespace qflow::services {

/// How many of them run.
using ResumedCount = std::shared_ptr<std::atomic<std::size_t>>;  // shared with the executions that it counts
/// Starts executions again that were queued when an earlier process ended (store::claim_queued), one after the other,
/// from the documents that were kept with them. One that cannot run any more is recorded as failed.
/// `running`: counted on, for callers that start more; null: counted here.
Task<> resume_queued(Services& services, std::vector<std::string> ids, ResumedCount running = nullptr);

}  // namespace qflow::services
