// A value on its way to the daemon, in pieces. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <functional>
#include <string>

#include "schema/messages.hpp"

namespace qflow::pyhost {

using ChunkSink = std::function<void(const schema::Chunk& chunk, std::string bytes)>;

/// A value that is to outlive this worker, as text_of_value() encodes it. Never throws because of the value: the last
/// chunk says what was wrong. `value` may be null; `most`: bytes.
void hand_out_kept(const pybind11::object* value, std::uint64_t most, const ChunkSink& to);
/// A value as JSON, made while it is sent. Otherwise the same.
void hand_out_whole(const pybind11::object* value, std::uint64_t most, const ChunkSink& to);

}  // namespace qflow::pyhost
