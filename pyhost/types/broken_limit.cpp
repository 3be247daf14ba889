#include "pyhost/types/broken_limit.hpp"

#include <boost/json/serialize.hpp>

#include "pyhost/values/literals.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

// Whether a comparison or a call answers no. An exception is not an answer.
bool says_no(int answer) {
  if (answer < 0) PyErr_Clear();
  return answer == 0;
}

bool breaks_order(py::handle value, const schema::json::value& limit, int operation) {
  if (PyNumber_Check(value.ptr()) == 0) return false;
  return says_no(PyObject_RichCompareBool(value.ptr(), to_python(limit).ptr(), operation));
}

bool breaks_size(py::handle value, const schema::json::value& limit, bool most) {
  const Py_ssize_t size = PyObject_Size(value.ptr());
  if (size < 0) PyErr_Clear();
  if (size < 0 || !limit.is_number()) return false;
  const auto bound = limit.to_number<double>();
  return most ? static_cast<double>(size) > bound : static_cast<double>(size) < bound;
}

// Whole numbers only: whether a fraction is a multiple depends on its rounding.
bool breaks_multiple(py::handle value, const schema::json::value& limit) {
  if (PyLong_Check(value.ptr()) == 0 || !limit.is_int64() || limit.get_int64() == 0) return false;
  const auto rest = py::reinterpret_steal<py::object>(PyNumber_Remainder(value.ptr(), to_python(limit).ptr()));
  if (!rest) PyErr_Clear();
  return rest && PyObject_IsTrue(rest.ptr()) == 1;
}

bool breaks_pattern(py::handle value, const schema::json::value& limit) {
  if (PyUnicode_Check(value.ptr()) == 0 || !limit.is_string()) return false;
  try {
    return py::module_::import("re").attr("search")(to_python(limit), value).is_none();
  } catch (py::error_already_set&) {
    return false;  // not a pattern that Python understands
  }
}

}  // namespace

std::optional<std::string> broken_limit(py::handle value, const schema::json::object& limits) {
  if (value.is_none()) return std::nullopt;
  for (const auto& [name, limit] : limits) {
    const bool broken =
        name == "minimum"                                                      ? breaks_order(value, limit, Py_GE)
        : name == "exclusiveMinimum"                                           ? breaks_order(value, limit, Py_GT)
        : name == "maximum"                                                    ? breaks_order(value, limit, Py_LE)
        : name == "exclusiveMaximum"                                           ? breaks_order(value, limit, Py_LT)
        : name == "multipleOf"                                                 ? breaks_multiple(value, limit)
        : name == "pattern"                                                    ? breaks_pattern(value, limit)
        : name == "minLength" || name == "minItems" || name == "minProperties" ? breaks_size(value, limit, false)
        : name == "maxLength" || name == "maxItems" || name == "maxProperties" ? breaks_size(value, limit, true)
                                                                               : false;
    if (broken) return std::string(name) + " " + schema::json::serialize(limit);
  }
  return std::nullopt;
}

}  // namespace qflow::pyhost
