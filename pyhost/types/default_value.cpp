#include "pyhost/types/default_value.hpp"

#include <array>

#include "pyhost/types/annotations.hpp"
#include "schema/text/write_json.hpp"

namespace py = pybind11;
namespace json = boost::json;

namespace qflow::pyhost {
namespace {

constexpr int kDeepest = 8;
constexpr std::size_t kMostDefaultBytes = 64U << 10U;  // as JSON text
constexpr int kMostParts = 1000;                       // in all

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

// What the value says of itself: a class of the node's own may say anything.
std::optional<json::value> text_value(const py::object& said) {
  const std::string text = text_of(said);
  if (text.empty()) return {};
  return json::value(text);
}

std::optional<json::value> found(const py::object& value, int depth, int& left) {
  if (--left < 0 || depth >= kDeepest) return {};
  if (auto plain = exact_json(value)) return plain;
  if (is_a(value, "enum", "Enum")) return found(value.attr("value"), depth + 1, left);
  for (const char* name : {"date", "time"})  // a datetime is a date
    if (is_a(value, "datetime", name)) return text_value(value.attr("isoformat")());
  static constexpr std::array<std::pair<const char*, const char*>, 3> kAsText{
      {{"decimal", "Decimal"}, {"uuid", "UUID"}, {"pathlib", "PurePath"}}};
  for (const auto& [module, name] : kAsText)
    if (is_a(value, module, name)) return text_value(py::str(value));
  if (PyDict_CheckExact(value.ptr()) != 0) {
    json::object out;
    // A copy, because code called on the way may change the dict.
    const auto items = py::reinterpret_steal<py::dict>(PyDict_Copy(value.ptr()));
    if (!items) throw py::error_already_set();
    for (const auto& [key, element] : items) {
      const auto name = found(py::reinterpret_borrow<py::object>(key), depth + 1, left);
      auto one = found(py::reinterpret_borrow<py::object>(element), depth + 1, left);
      if (!name || !name->is_string() || !one) return {};
      out[name->get_string()] = std::move(*one);
    }
    return json::value(std::move(out));
  }
  if (PyList_CheckExact(value.ptr()) != 0) {
    json::array out;
    for (const py::handle element : value) {
      auto one = found(py::reinterpret_borrow<py::object>(element), depth + 1, left);
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
    int left = kMostParts;
    auto out = found(value, 0, left);
    if (out && schema::write_json(*out).size() > kMostDefaultBytes) out.reset();
    return out;
  } catch (const py::error_already_set&) {
    return {};  // a class of the node's own that raises when it is asked: then there is only its text
  }
}

}  // namespace qflow::pyhost
