// What has to be done now and then: old records go, free space is given back, blobs that nobody refers to are deleted,
// the host's health is noted. One coroutine on the io threads; its work is done in pieces, so that others get their
// turn.
#pragma once
#include "daemon/api/services.hpp"

namespace qflow::api {

/// Runs until the io_context stops.
Task<> keep_tidy(Services& services);
/// One round of tidying, as keep_tidy() does it. Returns how many rows went.
Task<std::int64_t> tidy_once(Services& services);

}  // namespace qflow::api
