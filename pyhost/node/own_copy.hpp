// A value that goes to several nodes: each gets one of its own, where that is cheap, so that what one changes no other
// sees. Worker process.
#pragma once
#include <pybind11/pybind11.h>

namespace qflow::pyhost {

/// A deep copy of a value that can change and is small (1 MiB and 100,000 elements, about). The value itself if it
/// cannot change, is larger, or cannot be copied. Clears Python's errors.
pybind11::object own_copy(const pybind11::object& value, bool& heavy);

/// Whether the value can change and is too large to be copied for each node that takes it.
bool is_heavy(const pybind11::object& value);

}  // namespace qflow::pyhost
