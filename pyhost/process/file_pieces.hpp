// The bytes of a file that a node hands over, on their way to the daemon. Worker process.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace qflow::pyhost {

/// Reads the file in pieces of at most 256 KiB and calls `piece(bytes, last, error)`; `last` is true in the final call.
void read_in_pieces(const std::string& path,
                    const std::function<void(std::string_view, bool, const std::optional<std::string>&)>& piece);

}  // namespace qflow::pyhost
