// Checks values against the limits that Annotated adds to their type. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "schema/messages.hpp"

namespace qflow::pyhost {

/// The first of Type::limits that the value breaks, in words ("minimum 0"); nothing if it keeps all of them. A limit
/// that does not apply to such a value (the length of an int) counts as kept.
std::optional<std::string> broken_limit(pybind11::handle value, const schema::json::object& limits);

}  // namespace qflow::pyhost
