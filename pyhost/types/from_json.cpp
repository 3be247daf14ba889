#include "pyhost/types/from_json.hpp"

#include <algorithm>

#include "schema/typing/hierarchy.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

using schema::ClassInfo;
using schema::Type;
using Kind = Type::Kind;

constexpr int kDeepestConversion = 32;

// The classes of the collections module that are made from a dict.
bool is_special_dict(const std::string& name) {
  return name == "collections.Counter" || name == "collections.defaultdict" || name == "collections.OrderedDict";
}

// Copies a value that came from JSON, so that an attempt to convert it leaves the original as it is.
py::object copy_of(const py::object& value, int depth = 0) {
  if (depth > 64) return value;
  if (PyList_Check(value.ptr()) != 0) {
    py::list out;
    for (const py::handle one : value) out.append(copy_of(py::reinterpret_borrow<py::object>(one), depth + 1));
    return out;
  }
  if (PyDict_CheckExact(value.ptr()) == 0) return value;
  py::dict out;
  for (const auto& [key, one] : py::reinterpret_borrow<py::dict>(value))
    out[key] = copy_of(py::reinterpret_borrow<py::object>(one), depth + 1);
  return out;
}

}  // namespace

py::object FromJson::make(py::object value, const Type& declared, int depth) {
  const Type& type = without_none(declared);
  if (value.is_none() || depth > kDeepestConversion) return value;
  const bool list = PyList_Check(value.ptr()) != 0;
  if (type.kind == Kind::union_of) return alternative(value, type, depth);
  if (type.kind == Kind::literal) return literal(value, type);
  if (type.kind == Kind::tuple && list) return tuple(value, type, depth);
  if (type.kind != Kind::named) return value;
  if (list && type.name != "pandas.DataFrame" && type.name != "numpy.ndarray")
    return from_list(std::move(value), type, depth);
  const ClassInfo* info = types_.info_of(type);
  if (info != nullptr && info->form == ClassInfo::Form::enumeration && !types_.is_instance(value, type.name))
    return conversions_.member(value, type);
  if (PyDict_Check(value.ptr()) != 0) return from_dict(value, type, depth);
  return scalar(value, type);
}

// The first alternative that accepts the value as it is; otherwise the first that the converted value fits.
py::object FromJson::alternative(const py::object& value, const Type& type, int depth) {
  for (const Type& one : type.arguments)
    if (!types_.check(value, one)) return value;
  std::optional<py::error_already_set> refusal;
  for (const Type& one : type.arguments) try {
      py::object made = make(copy_of(value), one, depth + 1);
      if (!types_.check(made, one)) return made;
    } catch (py::error_already_set& error) {
      if (!refusal) refusal.emplace(error);
    }
  if (refusal) throw py::error_already_set(*refusal);
  return value;
}

// Literal[Color.RED] from "red", or from its name.
py::object FromJson::literal(const py::object& value, const Type& type) {
  for (const auto& wanted : type.values) {
    if (wanted.is_int64() && PyFloat_Check(value.ptr()) != 0 &&
        PyFloat_AS_DOUBLE(value.ptr()) == static_cast<double>(wanted.get_int64()))
      return py::reinterpret_steal<py::object>(PyLong_FromLongLong(wanted.get_int64()));
    const auto* member = wanted.if_object();
    if (member == nullptr || !member->contains("enum")) continue;
    const Type owner = Type::of(std::string(std::string_view(member->at("enum").as_string())));
    const py::object made = make(value, owner);
    if (!made.is(value) && text_of(find_attribute(made, "name")) == std::string_view(member->at("name").as_string()))
      return made;
  }
  return value;
}

// Converts one element of a list in its place.
void FromJson::element(const py::object& list, Py_ssize_t at, const Type& type, int depth) {
  py::object made = make(py::reinterpret_borrow<py::object>(PyList_GET_ITEM(list.ptr(), at)), type, depth + 1);
  PyList_SetItem(list.ptr(), at, made.release().ptr());
}

py::object FromJson::tuple(const py::object& list, const Type& type, int depth) {
  const auto size = static_cast<std::size_t>(PyList_GET_SIZE(list.ptr()));
  const std::size_t declared = type.variadic ? size : std::min(size, type.arguments.size());
  for (std::size_t i = 0; i < declared; ++i)
    element(list, static_cast<Py_ssize_t>(i), type.arguments[type.variadic ? 0 : i], depth);
  return own(PyList_AsTuple(list.ptr()));
}

py::object FromJson::named_tuple(const py::object& list, const Type& type, const ClassInfo& info, int depth) {
  int budget = schema::kLooks;
  const auto fields = schema::fields_of(type, info, types_.classes().infos, budget);
  const auto size = static_cast<std::size_t>(PyList_GET_SIZE(list.ptr()));
  for (std::size_t i = 0; i < std::min(size, fields.size()); ++i)
    element(list, static_cast<Py_ssize_t>(i), fields[i].type, depth);
  const py::tuple arguments = py::reinterpret_steal<py::tuple>(PyList_AsTuple(list.ptr()));
  py::object made = own(PyObject_Call(types_.live(type).ptr(), arguments.ptr(), nullptr));
  return made ? made : list;
}

py::object FromJson::from_list(py::object list, const Type& type, int depth) {
  const ClassInfo* info = types_.info_of(type);
  if (info != nullptr && info->form == ClassInfo::Form::named_tuple) return named_tuple(list, type, *info, depth);
  if (const Type inner = type.arguments.empty() ? Type::any() : type.arguments.back(); inner.kind != Kind::any)
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.ptr()); ++i) element(list, i, inner, depth);
  py::object made;
  if (type.name == "set" || type.name == "collections.abc.Set") made = own(PySet_New(list.ptr()));
  else if (type.name == "frozenset") made = own(PyFrozenSet_New(list.ptr()));
  else if (type.name == "collections.deque") made = py::module_::import("collections").attr("deque")(list);
  else if (is_iterator(type.name) || is_async_iterator(type.name)) made = conversions_.pass(list, type);
  return made ? made : list;
}

py::object FromJson::from_dict(const py::object& dict, const Type& type, int depth) {
  const ClassInfo* info = types_.info_of(type);
  if (info != nullptr && info->is_object()) return record(dict, type, *info, depth);
  const bool typed = info != nullptr && info->form == ClassInfo::Form::typed_dict;
  if (!typed && !is_mapping(type.name) && !is_special_dict(type.name)) return dict;
  int budget = schema::kLooks;
  const auto fields =
      typed ? schema::fields_of(type, *info, types_.classes().infos, budget) : std::vector<schema::Field>();
  const py::object made = mapping(dict, type, fields, depth);
  if (!is_special_dict(type.name)) return made;
  const py::object collections = py::module_::import("collections");
  if (type.name == "collections.defaultdict") return collections.attr("defaultdict")(py::none(), made);
  return collections.attr(type.name.c_str() + sizeof "collections." - 1)(made);
}

// A dataclass from a dict whose values are made into what its fields declare; a model converts them by itself.
py::object FromJson::record(const py::object& dict, const Type& type, const ClassInfo& info, int depth) {
  int budget = schema::kLooks;
  const std::vector<schema::Field> fields = schema::fields_of(type, info, types_.classes().infos, budget);
  if (info.form != ClassInfo::Form::dataclass) return conversions_.record(dict, type, info, fields);
  const py::object made = own(PyDict_Copy(dict.ptr()));
  if (!made) return dict;
  for (const schema::Field& field : fields) {
    PyObject* value = PyDict_GetItemString(dict.ptr(), field.name.c_str());
    if (value == nullptr) continue;
    const py::object inner = make(py::reinterpret_borrow<py::object>(value), field.type, depth + 1);
    if (PyDict_SetItemString(made.ptr(), field.name.c_str(), inner.ptr()) != 0) PyErr_Clear();
  }
  const py::object object = conversions_.record(made, type, info, fields);
  return object.is(made) ? dict : object;
}

// A dict with its keys and values converted; `fields`: of a TypedDict.
py::object FromJson::mapping(const py::object& dict, const Type& type, const std::vector<schema::Field>& fields,
                             int depth) {
  const bool typed = !fields.empty();
  const bool counted = type.name == "collections.Counter";
  const Type of_keys = typed || type.arguments.size() < (counted ? 1 : 2) ? Type::any() : type.arguments.front();
  const Type of_values = counted ? Type::of("int") : type.arguments.empty() ? Type::any() : type.arguments.back();
  py::dict made;
  for (const auto& [written, value] : py::reinterpret_borrow<py::dict>(dict)) {
    const std::string name = text_of(written);
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& one) { return one.name == name; });
    const py::object converted = key(py::reinterpret_borrow<py::object>(written), of_keys, depth);
    made[converted] =
        make(py::reinterpret_borrow<py::object>(value), field == fields.end() ? of_values : field->type, depth + 1);
  }
  return made;
}

// JSON keys are strings.
py::object FromJson::key(py::object written, const Type& type, int depth) {
  if (!type.is("int")) return make(std::move(written), type, depth + 1);
  py::object number = own(PyLong_FromUnicodeObject(written.ptr(), 10));
  return number ? number : written;
}

py::object FromJson::scalar(const py::object& value, const Type& type) const {
  const bool text = PyUnicode_Check(value.ptr()) != 0;
  const auto call = [&](const char* module, const char* path) -> py::object {
    py::object maker = py::module_::import(module);
    std::string_view rest = path;
    while (!rest.empty()) {
      const auto dot = rest.find('.');
      maker = maker.attr(std::string(rest.substr(0, dot)).c_str());
      rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    }
    return own(PyObject_CallFunctionObjArgs(maker.ptr(), value.ptr(), nullptr));
  };
  py::object made;
  if (type.name == "int" && PyFloat_Check(value.ptr()) != 0) return conversions_.pass(value, type);
  if (type.name == "float" && PyLong_Check(value.ptr()) != 0 && PyBool_Check(value.ptr()) == 0)
    made = own(PyFloat_FromDouble(PyLong_AsDouble(value.ptr())));
  else if (text && (type.name == "bytes" || type.name == "bytearray")) {
    const py::object decode = py::module_::import("base64").attr("b64decode");
    const auto strictly = py::dict(py::arg("validate") = true);
    made = own(PyObject_Call(decode.ptr(), py::make_tuple(value).ptr(), strictly.ptr()));
    if (made && type.name == "bytearray") made = own(PyByteArray_FromObject(made.ptr()));
  } else if (text && type.name == "datetime.datetime") {
    // fromisoformat() reads a final Z only from 3.11 on.
    std::string written = text_of(value);
    if (written.ends_with('Z')) written = written.substr(0, written.size() - 1) + "+00:00";
    const py::object from = py::module_::import("datetime").attr("datetime").attr("fromisoformat");
    made = own(PyObject_CallFunctionObjArgs(from.ptr(), py::str(written).ptr(), nullptr));
  } else if (text && type.name == "datetime.date") made = call("datetime", "date.fromisoformat");
  else if (text && type.name == "datetime.time") made = call("datetime", "time.fromisoformat");
  else if (text && type.name == "uuid.UUID") made = call("uuid", "UUID");
  else if (text && type.name.starts_with("pathlib."))
    made = call("pathlib", type.name == "pathlib.PurePath" ? "Path" : type.name.c_str() + 8);
  else if (text && type.name.starts_with("ipaddress.")) made = call("ipaddress", type.name.c_str() + 10);
  else if (type.name == "fractions.Fraction") made = call("fractions", "Fraction");
  else if (text && type.name == "complex") made = call("builtins", "complex");
  else if (type.name == "datetime.timedelta" && PyNumber_Check(value.ptr()) != 0) {
    const auto seconds = py::dict(py::arg("seconds") = value);
    made =
        own(PyObject_Call(py::module_::import("datetime").attr("timedelta").ptr(), py::tuple(0).ptr(), seconds.ptr()));
  } else if (type.name == "decimal.Decimal") {
    // Convert a float by its digits: 9.99 is what was written.
    const py::object digits = own(PyObject_Str(value.ptr()));
    if (digits)
      made = own(
          PyObject_CallFunctionObjArgs(py::module_::import("decimal").attr("Decimal").ptr(), digits.ptr(), nullptr));
  } else if (type.name == "pandas.DataFrame" && PyList_Check(value.ptr()) != 0) made = call("pandas", "DataFrame");
  else if (type.name == "numpy.ndarray" && PyList_Check(value.ptr()) != 0) made = call("numpy", "asarray");
  PyErr_Clear();
  return made ? made : value;
}

}  // namespace qflow::pyhost
