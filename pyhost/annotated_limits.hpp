// Values against what Annotated says of them beyond their type. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The first of Type::limits that the value breaks, in words ("minimum 0"); nothing where it keeps them all, or where a
/// limit cannot be asked of such a value (the length of an int).
std::optional<std::string> broken_limit(pybind11::handle value, const schema::json::object& limits);

}  // namespace qflow::pyhost
