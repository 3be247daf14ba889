#include "pyhost/types/conversions.hpp"

#include <algorithm>
#include <cmath>

#include "pyhost/values/preview.hpp"

namespace py = pybind11;

namespace qflow::pyhost {

using schema::ClassInfo;
using schema::Type;
using Kind = Type::Kind;

bool is_list_like(const std::string& name) {
  return name == "list" || name == "collections.abc.Sequence" || name == "collections.abc.MutableSequence" ||
         name == "collections.abc.Collection" || name == "collections.abc.Iterable";
}

bool is_iterator(const std::string& name) {
  return name == "collections.abc.Iterator" || name == "collections.abc.Generator";
}

bool is_async_iterator(const std::string& name) {
  return name == "collections.abc.AsyncIterator" || name == "collections.abc.AsyncGenerator" ||
         name == "collections.abc.AsyncIterable";
}

bool is_mapping(const std::string& name) {
  return name == "dict" || name == "collections.abc.Mapping" || name == "collections.abc.MutableMapping";
}

py::object Conversions::record(const py::object& dict, const Type& type, const ClassInfo& info,
                               const std::vector<schema::Field>& fields) const {
  const py::object klass = types_.live(type);
  if (!klass) return dict;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (info.form == ClassInfo::Form::dataclass && PyDict_Next(dict.ptr(), &at, &key, &value) != 0) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const schema::Field& one) { return one.name == text_of(key); });
    if (field == fields.end() || field->method) return dict;
  }
  const py::tuple none(0);
  // A copy: the class may keep what it is given.
  const py::object keywords = own(PyDict_Copy(dict.ptr()));
  if (!keywords) return dict;
  auto made = py::reinterpret_steal<py::object>(PyObject_Call(klass.ptr(), none.ptr(), keywords.ptr()));
  if (made) return made;
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
  PyErr_Clear();
  return dict;
}

py::object Conversions::member(const py::object& value, const Type& type) const {
  const py::object klass = types_.live(type);
  if (!klass) return value;
  if (py::object made = own(PyObject_CallFunctionObjArgs(klass.ptr(), value.ptr(), nullptr))) return made;
  if (PyUnicode_Check(value.ptr()) != 0)  // by name, where JSON cannot represent the value
    if (const py::object members = find_attribute(klass, "__members__"))
      if (py::object found = own(PyObject_GetItem(members.ptr(), value.ptr()))) return found;
  return value;
}

// Turns a member or a NamedTuple of another node's class into that of this node's own class.
py::object Conversions::as_own_class(const py::object& value, const Type& type, const ClassInfo& info) const {
  const py::object klass = types_.live(type);
  if (!klass || types_.is_instance(value, type.name)) return value;
  if (info.form == ClassInfo::Form::enumeration) {
    const py::object name = find_attribute(value, "name"), content = find_attribute(value, "value");
    const py::object members = find_attribute(klass, "__members__");
    const bool member = name && content && find_attribute(py::type::handle_of(value), "__members__");
    py::object own_member = member && members ? own(PyObject_GetItem(members.ptr(), name.ptr())) : py::object();
    if (own_member &&
        own(PyObject_RichCompare(find_attribute(own_member, "value").ptr(), content.ptr(), Py_EQ)).is(py::bool_(true)))
      return own_member;
  }
  if (info.form == ClassInfo::Form::named_tuple && PyTuple_Check(value.ptr()) != 0 &&
      static_cast<std::size_t>(PyTuple_GET_SIZE(value.ptr())) == info.fields.size()) {
    const py::tuple plain = py::reinterpret_steal<py::tuple>(PySequence_Tuple(value.ptr()));
    if (py::object made = plain ? own(PyObject_Call(klass.ptr(), plain.ptr(), nullptr)) : py::object()) return made;
  }
  return value;
}

// Replaces such members or tuples in a list, set or dict with this node's own.
py::object Conversions::with_own_classes(const py::object& value, const Type& type) const {
  const auto renewed = [&](py::handle one, const Type& as) {
    const auto kept = py::reinterpret_borrow<py::object>(one);
    const ClassInfo* info = as.kind == Kind::named ? types_.info_of(as) : nullptr;
    return info == nullptr ? kept : as_own_class(kept, as, *info);
  };
  const auto foreign = [&](const Type& one) {
    const ClassInfo* info = one.kind == Kind::named ? types_.info_of(one) : nullptr;
    return info != nullptr &&
           (info->form == ClassInfo::Form::enumeration || info->form == ClassInfo::Form::named_tuple);
  };
  if (std::none_of(type.arguments.begin(), type.arguments.end(), foreign)) return value;
  if (PyDict_CheckExact(value.ptr()) != 0 && type.arguments.size() == 2) {
    py::dict out;
    for (const auto& [key, one] : py::reinterpret_borrow<py::dict>(value))
      out[renewed(key, type.arguments[0])] = renewed(one, type.arguments[1]);
    return out;
  }
  if (type.arguments.size() != 1 || (PyList_CheckExact(value.ptr()) == 0 && Py_TYPE(value.ptr()) != &PySet_Type))
    return value;
  py::list out;
  for (const py::handle one : value) out.append(renewed(one, type.arguments[0]));
  return PyList_CheckExact(value.ptr()) != 0 ? py::object(out) : own(PySet_New(out.ptr()));
}

static py::object each_asynchronously(const py::object& iterator) {
  py::dict scope;
  const auto done = py::reinterpret_steal<py::object>(
      PyRun_String("async def each(values):\n    for value in values:\n        yield value\n", Py_file_input,
                   scope.ptr(), scope.ptr()));
  if (!done) throw py::error_already_set();
  return scope["each"](iterator);
}

py::object Conversions::pass(py::object value, const Type& declared) const {
  const Type& type = without_none(declared);
  if (type.kind == Kind::literal)  // a member of another node's enumeration
    for (const auto& wanted : type.values)
      if (const auto* member = wanted.if_object(); member != nullptr && member->contains("enum")) {
        const Type owner = Type::of(std::string(std::string_view(member->at("enum").as_string())));
        if (const ClassInfo* of_owner = types_.info_of(owner)) return as_own_class(value, owner, *of_owner);
      }
  if (value.is_none() || type.kind != Kind::named) return value;
  if (!type.arguments.empty()) value = with_own_classes(value, type);
  PyObject* v = value.ptr();
  if (type.name == "int" && PyFloat_Check(v) != 0) {
    const double number = PyFloat_AS_DOUBLE(v);
    if (std::isfinite(number) && number == std::floor(number))
      return py::reinterpret_steal<py::object>(PyLong_FromDouble(number));
    return value;
  }
  if (type.name == "list" && (PyTuple_Check(v) != 0 || PyAnySet_Check(v) != 0)) return own(PySequence_List(v));
  if (is_list_like(type.name) && PyAnySet_Check(v) != 0) return own(PySequence_List(v));
  if (is_iterator(type.name) && PyIter_Check(v) == 0) {
    py::object iterator = own(PyObject_GetIter(v));
    return iterator ? iterator : value;
  }
  if (is_async_iterator(type.name) && !find_attribute(value, "__aiter__")) {
    py::object iterator = own(PyObject_GetIter(v));
    return iterator ? each_asynchronously(iterator) : value;
  }
  if (type.name == "numpy.ndarray" && type_name(value) == "torch.Tensor") return value.attr("numpy")();
  if (type.name == "torch.Tensor" && type_name(value) == "numpy.ndarray")
    return py::module_::import("torch").attr("from_numpy")(value);
  if (is_mapping(type.name) && PyDict_Check(v) == 0) {
    // object → dict: a dataclass or a model by its fields.
    if (const py::object fields = find_attribute(value, "__dataclass_fields__"); fields && PyType_Check(v) == 0) {
      py::dict dict;
      for (const py::handle name : fields)
        if (const py::object inner = find_attribute(value, text_of(name).c_str())) dict[name] = inner;
      return dict;
    }
    for (const char* method : {"model_dump", "dict"})
      if (find_attribute(value, "__fields__") && find_attribute(value, method)) return value.attr(method)();
    return value;
  }
  const ClassInfo* info = types_.info_of(type);
  if (info == nullptr) return value;
  if (info->is_object() && PyDict_Check(v) != 0 && !types_.is_instance(value, type.name))
    return record(value, type, *info, info->fields);
  py::object own_value = as_own_class(value, type, *info);
  if (!own_value.is(value)) return own_value;
  if (info->form == ClassInfo::Form::enumeration && !types_.is_instance(value, type.name)) return member(value, type);
  return value;
}

}  // namespace qflow::pyhost
