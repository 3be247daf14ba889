// A value as bounded JSON, for the record and for people. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace qflow::pyhost {

/// JSON text of a value. Always a valid document, whatever the value is and however early it was cut off.
struct Preview {
  std::string json;
  bool exact = true;       ///< json.loads gives the same value back
  bool truncated = false;  ///< something was left out because of the limits on size or depth
};

/// At most about `budget` bytes, 64 levels, 100,000 elements. JSON types are written as they are, NaN and infinities as
/// null, other types as {"__type": ..., "value" or "repr": ...}. Never throws because of the value: its repr may fail.
Preview make_preview(const pybind11::object& value, std::size_t budget);

/// Takes a piece of JSON text.
using PieceSink = std::function<void(std::string_view piece)>;

/// Writes a value as JSON in pieces of about 256 KiB, all of it: like a preview, but without limits on size and
/// elements, and bytes and arrays in full. False: something was left out all the same, because it is more than 190
/// levels deep (or contains itself).
bool write_whole(const pybind11::object& value, const PieceSink& sink);

/// Where the first part of a value is that JSON cannot represent, as a JSON pointer with its type: "/rows/0 (set)".
/// Looks at no more than 10,000 parts; empty: not among them.
std::string find_inexact(const pybind11::object& value);

/// "dict", "numpy.ndarray", "nodes.read.Document".
std::string type_name(pybind11::handle value);

}  // namespace qflow::pyhost
