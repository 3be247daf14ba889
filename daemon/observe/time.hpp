// Wall-clock times as the record keeps them: microseconds since 1970, UTC. Any thread.
#pragma once
#include <cstdint>
#include <string>

namespace qflow {

std::int64_t now_us();
/// "2026-11-22T20:54:50.762Z"
std::string iso_time(std::int64_t us);
/// A UUIDv7 (RFC 9562): sorts by the time it was made, also within one process's same millisecond.
std::string new_id();

}  // namespace qflow
