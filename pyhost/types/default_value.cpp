#include "pyhost/types/default_value.hpp"

#include <array>

#include "pyhost/types/annotations.hpp"

namespace py = pybind11;
namespace json = boost::json;

namespace qflow::pyhost {
namespace {

constexpr int kDeepest = 8;
constexpr std::size_t kMost = 1000;  // elements of one container

// Whether `value` is an instance of a class of a module that is imported by now; otherwise it cannot be one.
bool is_a(const py::object& value, const char* module, const char* name) {
  PyObject* loaded = PyDict_GetItemString(PyImport_GetModuleDict(), module);
  if (loaded == nullptr) return false;
  const auto type = py::reinterpret_steal<py::object>(PyObject_GetAttrString(loaded, name));
  if (!type) {
    PyErr_Clear();
    return false;
  }
  const int is = PyObject_IsInstance(value.ptr(), type.ptr());
  if (is < 0) PyErr_Clear();
  return is == 1;
}

std::optional<json::value> found(const py::object& value, int depth) {
  if (auto plain = exact_json(value)) return plain;
  if (depth >= kDeepest) return {};
  if (is_a(value, "enum", "Enum")) return found(value.attr("value"), depth + 1);
  for (const char* name : {"date", "time"})  // a datetime is a date
    if (is_a(value, "datetime", name)) return json::value(value.attr("isoformat")().cast<std::string>());
  static constexpr std::array<std::pair<const char*, const char*>, 3> kAsText{
      {{"decimal", "Decimal"}, {"uuid", "UUID"}, {"pathlib", "PurePath"}}};
  for (const auto& [module, name] : kAsText)
    if (is_a(value, module, name)) return json::value(py::str(value).cast<std::string>());
  if (PyDict_CheckExact(value.ptr()) != 0 && py::len(value) <= kMost) {
    json::object out;
    for (const auto& [key, element] : py::reinterpret_borrow<py::dict>(value)) {
      const auto name = found(py::reinterpret_borrow<py::object>(key), depth + 1);
      auto one = found(py::reinterpret_borrow<py::object>(element), depth + 1);
      if (!name || !name->is_string() || !one) return {};
      out[name->get_string()] = std::move(*one);
    }
    return json::value(std::move(out));
  }
  if (PyList_CheckExact(value.ptr()) != 0 && py::len(value) <= kMost) {
    json::array out;
    for (const py::handle element : value) {
      auto one = found(py::reinterpret_borrow<py::object>(element), depth + 1);
      if (!one) return {};
      out.push_back(std::move(*one));
    }
    return json::value(std::move(out));
  }
  return {};
}

}  // namespace

std::optional<json::value> default_value(const py::object& value) {
  try {
    return found(value, 0);
  } catch (const py::error_already_set&) {
    return {};  // a class of the node's own that raises when it is asked: then there is only its text
  }
}

}  // namespace qflow::pyhost
