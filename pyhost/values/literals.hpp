// JSON to Python objects. Worker process.
#pragma once
#include <pybind11/pybind11.h>

#include <boost/json/value.hpp>

namespace qflow::pyhost {

/// The Python object of a JSON value. Throws error_already_set (MemoryError).
pybind11::object to_python(const boost::json::value& value);

}  // namespace qflow::pyhost
