// Periodic upkeep: deletes old records, gives back free space, deletes blobs that nothing refers to, samples the host's
// health. One coroutine on the io threads; it works in pieces, so that others get their turn.
#pragma once
#include "daemon/services/services.hpp"

namespace qflow::services {

/// Runs until the io_context stops.
Task<> keep_tidy(Services& services);
/// One round of tidying, as in keep_tidy(). Returns the number of deleted rows.
Task<std::int64_t> tidy_once(Services& services);

}  // namespace qflow::services
