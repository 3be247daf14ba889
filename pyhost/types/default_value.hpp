// A parameter's default as the JSON from which a form, or a literal in a workflow, makes it again. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <boost/json/value.hpp>
#include <optional>

namespace qflow::pyhost {

/// JSON values as they are; an enumeration's member as its value, dates and times by ISO 8601, paths, decimals and
/// UUIDs as text, and lists and dicts of these. Nothing for anything else, and for what is large or deep.
std::optional<boost::json::value> default_value(const pybind11::object& value);

}  // namespace qflow::pyhost
