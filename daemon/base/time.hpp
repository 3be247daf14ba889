// Wall-clock times as the record keeps them: microseconds since 1970, UTC. Any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qflow {

std::int64_t now_us();
/// "2026-11-22T20:54:50.762Z"
std::string iso_time(std::int64_t us);
/// Microseconds of "2026-11-22T20:54:50.762Z" (RFC 3339; also a date alone). Nothing for anything else.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace qflow
