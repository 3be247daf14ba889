#include "pyhost/values/structure.hpp"

#include <algorithm>

#include "pyhost/values/preview.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr long long kMostRows = 50;      // of a table that is only shown
constexpr long long kMostItems = 1000;   // of an array
constexpr std::size_t kMostBytes = 256;  // of bytes

py::object base64_of(py::handle value) {
  return py::module_::import("binascii").attr("b2a_base64")(value, py::arg("newline") = false).attr("decode")();
}

py::object bytes_of(py::handle value, bool whole, bool& cut) {
  py::dict out;
  const Py_ssize_t size = PyObject_Size(value.ptr());
  out["size"] = size;
  if (whole) {
    out["base64"] = base64_of(value);
    return out;
  }
  out["head"] = py::str(py::repr(value[py::slice(0, kMostBytes, 1)]));
  if (size > static_cast<Py_ssize_t>(kMostBytes)) cut = true;
  else out["base64"] = base64_of(value);
  return out;
}

py::object array_of(py::handle value, bool whole, bool& cut) {
  py::dict out;
  out["shape"] = value.attr("shape");
  out["dtype"] = py::str(value.attr("dtype"));
  const bool small = whole || value.attr("size").cast<long long>() <= kMostItems;
  if (!small) cut = true;
  out[small ? "data" : "head"] =
      small ? value.attr("tolist")() : value.attr("flat")[py::slice(0, 20, 1)].attr("tolist")();
  return out;
}

// The first rows, or all.
py::object head_of(py::handle table, bool whole, bool& cut) {
  if (whole) return py::reinterpret_borrow<py::object>(table);
  if (table.attr("shape")[py::int_(0)].cast<long long>() > kMostRows) cut = true;
  return table.attr("head")(kMostRows);
}

py::object frame_of(py::handle value, bool whole, bool& cut) {
  const py::object head = head_of(value, whole, cut);
  py::dict out;
  out["shape"] = value.attr("shape");
  out["columns"] = value.attr("columns").attr("tolist")();
  py::list dtypes;
  for (const py::handle one : value.attr("dtypes")) dtypes.append(py::str(one));
  out["dtypes"] = dtypes;
  out["index"] = head.attr("index").attr("tolist")();
  // Columns of one name would hide one another.
  if (value.attr("columns").attr("is_unique").cast<bool>()) out["rows"] = head.attr("to_dict")("records");
  else out["rows"] = head.attr("values").attr("tolist")();
  return out;
}

py::object series_of(py::handle value, bool whole, bool& cut) {
  const py::object head = head_of(value, whole, cut);
  py::dict out;
  out["shape"] = value.attr("shape");
  out["name"] = value.attr("name");
  out["dtype"] = py::str(value.attr("dtype"));
  out["index"] = head.attr("index").attr("tolist")();
  out["values"] = head.attr("tolist")();
  return out;
}

// The fields of a dataclass, without its ClassVars and InitVars, as dataclasses.fields() has them.
py::object fields_of_dataclass(py::handle value) {
  py::dict fields;
  for (const auto one : py::module_::import("dataclasses").attr("fields")(value)) {
    const py::object name = one.attr("name");
    fields[name] = py::getattr(value, name, py::none());
  }
  return fields;
}

bool starts_with_any(const std::string& type, std::initializer_list<const char*> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* one) { return type.starts_with(one); });
}

}  // namespace

py::object structure_of(py::handle value, const std::string& type, bool whole, bool& cut) {
  if (PyAnySet_Check(value.ptr()) != 0) return py::reinterpret_steal<py::object>(PySequence_List(value.ptr()));
  if (PyBytes_Check(value.ptr()) != 0 || PyByteArray_Check(value.ptr()) != 0) return bytes_of(value, whole, cut);
  const py::handle cls(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr())));
  if (py::hasattr(cls, "__dataclass_fields__")) return fields_of_dataclass(value);
  if (py::hasattr(cls, "__members__") && py::hasattr(value, "value")) return value.attr("value");  // an Enum's member
  if (py::hasattr(cls, "__attrs_attrs__")) {
    py::dict fields;
    for (const auto one : cls.attr("__attrs_attrs__"))
      fields[one.attr("name")] = py::getattr(value, one.attr("name"), py::none());
    return fields;
  }
  if (py::hasattr(cls, "model_fields") && py::hasattr(cls, "model_dump")) return value.attr("model_dump")();
  if (py::hasattr(cls, "__fields__") && py::hasattr(cls, "__validators__")) return value.attr("dict")();  // pydantic 1
  if (type == "numpy.ndarray") return array_of(value, whole, cut);
  if (type.starts_with("numpy.") && py::hasattr(value, "item") && py::hasattr(value, "dtype"))
    return value.attr("item")();
  if (type.starts_with("pandas.") && type.ends_with(".DataFrame")) return frame_of(value, whole, cut);
  if (type.starts_with("pandas.") && type.ends_with(".Series")) return series_of(value, whole, cut);
  // Dates by ISO 8601; a subclass's own text otherwise.
  if (py::hasattr(value, "isoformat") && starts_with_any(type, {"datetime.", "pandas.", "zoneinfo."}))
    return value.attr("isoformat")();
  if (starts_with_any(type, {"pathlib.", "decimal.Decimal", "uuid.UUID", "fractions.Fraction", "ipaddress.",
                             "datetime.timedelta", "pandas._libs.tslibs.timedeltas."}) ||
      type == "complex")
    return py::str(value);
  if (type == "collections.deque" || type == "array.array" || type == "range" || type == "dict_keys" ||
      type == "dict_values")
    return py::reinterpret_steal<py::object>(PySequence_List(value.ptr()));
  return {};
}

std::optional<std::uint64_t> least_json_bytes(const py::object& value) {
  PyObject* v = value.ptr();
  if (PyUnicode_Check(v) != 0) return static_cast<std::uint64_t>(PyUnicode_GetLength(v));
  if (PyBytes_Check(v) != 0 || PyByteArray_Check(v) != 0) return static_cast<std::uint64_t>(PyObject_Size(v)) / 3 * 4;
  if (PyList_Check(v) != 0 || PyTuple_Check(v) != 0) return static_cast<std::uint64_t>(PySequence_Fast_GET_SIZE(v)) * 2;
  const std::string type = type_name(value);
  const bool table = type.starts_with("pandas.") && (type.ends_with(".DataFrame") || type.ends_with(".Series"));
  if (!table && type != "numpy.ndarray") return std::nullopt;
  try {
    return static_cast<std::uint64_t>(value.attr("size").cast<long long>()) * 2;
  } catch (const std::exception&) {
    PyErr_Clear();
    return std::nullopt;
  }
}

}  // namespace qflow::pyhost
