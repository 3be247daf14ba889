// Ids of rows: UUIDv7, so that they sort by the time at which they were made. Any thread.
#pragma once
#include <cstdint>
#include <string>

namespace qflow {

/// A UUIDv7 (RFC 9562). Later ones of one process are greater, also within the same millisecond.
std::string new_id();
/// The lower bound of every UUIDv7 made at `us` (microseconds since 1970) or later: a list by id is a list by time.
std::string first_id_at(std::int64_t us);

}  // namespace qflow
