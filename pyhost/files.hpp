// Files that a node hands over: a returned pathlib.Path, or a list, tuple or dict of them. Worker process; the daemon
// gets bytes over the socket and never uses a name from here as a path.
#pragma once
#include <pybind11/pybind11.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The files a value refers to: what is told outside, and the paths behind it, in the same order.
struct Offers {
  std::vector<schema::FileOffer> files;
  std::vector<std::string> paths;
};

/// Regular files only, at most 64, in the value itself or one level down.
Offers find_files(const pybind11::object& value);

/// Reads the file in pieces of at most 256 KiB: `piece(bytes, last, error)`; the last one says so.
void read_in_pieces(const std::string& path,
                    const std::function<void(std::string_view, bool, const std::optional<std::string>&)>& piece);

}  // namespace qflow::pyhost
