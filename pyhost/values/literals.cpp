#include "pyhost/values/literals.hpp"

namespace py = pybind11;
namespace json = boost::json;

namespace qflow::pyhost {
namespace {

py::object checked(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

py::object text(json::string_view value) {
  // Lone surrogates cannot occur: Boost.JSON refuses them when it parses.
  return checked(PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace"));
}

}  // namespace

py::object to_python(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return py::none();
    case json::kind::bool_:
      return py::bool_(value.get_bool());
    case json::kind::int64:
      return checked(PyLong_FromLongLong(value.get_int64()));
    case json::kind::uint64:
      return checked(PyLong_FromUnsignedLongLong(value.get_uint64()));
    case json::kind::double_:
      return checked(PyFloat_FromDouble(value.get_double()));
    case json::kind::string:
      return text(value.get_string());
    case json::kind::array: {
      const json::array& array = value.get_array();
      py::object list = checked(PyList_New(static_cast<Py_ssize_t>(array.size())));
      for (std::size_t i = 0; i < array.size(); ++i)
        PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), to_python(array[i]).release().ptr());
      return list;
    }
    case json::kind::object: {
      py::object dict = checked(PyDict_New());
      for (const auto& [key, element] : value.get_object())
        if (PyDict_SetItem(dict.ptr(), text(key).ptr(), to_python(element).ptr()) < 0) throw py::error_already_set();
      return dict;
    }
  }
  return py::none();
}

}  // namespace qflow::pyhost
