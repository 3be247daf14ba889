#include "pyhost/typecheck.hpp"

#include <algorithm>
#include <cmath>

#include "pyhost/preview.hpp"
#include "schema/pointer.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

using schema::ClassInfo;
using schema::Type;
using Kind = Type::Kind;

constexpr int kMaxDepth = 8;
constexpr int kMaxElements = 10'000;

py::object own(PyObject* object) {
  if (object == nullptr) PyErr_Clear();
  return py::reinterpret_steal<py::object>(object);
}

py::object loaded_class(const char* module, const char* name) {
  PyObject* found = PyDict_GetItemString(PyImport_GetModuleDict(), module);
  return found == nullptr ? py::object() : find_attribute(found, name);
}

bool is_a(py::handle value, const py::object& klass) {
  if (!klass) return false;
  const int answer = PyObject_IsInstance(value.ptr(), klass.ptr());
  if (answer < 0) PyErr_Clear();
  return answer == 1;
}

bool is_list_like(const std::string& name) {
  return name == "list" || name == "collections.abc.Sequence" || name == "collections.abc.MutableSequence" ||
         name == "collections.abc.Collection" || name == "collections.abc.Iterable";
}
bool is_iterator(const std::string& name) {
  return name == "collections.abc.Iterator" || name == "collections.abc.Generator";
}
bool is_mapping(const std::string& name) {
  return name == "dict" || name == "collections.abc.Mapping" || name == "collections.abc.MutableMapping";
}

bool is_record(const ClassInfo& info) {
  return info.form == ClassInfo::Form::dataclass || info.form == ClassInfo::Form::model;
}

// The one alternative that is not None, or the type itself.
const Type& without_none(const Type& type) {
  if (type.kind != Kind::union_of) return type;
  const Type* only = nullptr;
  for (const Type& one : type.arguments) {
    if (one.kind == Kind::none) continue;
    if (only != nullptr) return type;
    only = &one;
  }
  return only == nullptr ? type : *only;
}

std::string pointer_part(const std::string& name) { return schema::escape_pointer(name.substr(0, 100)); }

}  // namespace

std::string Mismatch::text() const {
  return (path.empty() ? "" : "at " + path + ": ") + "expected " + expected + ", found " + found;
}

const ClassInfo* TypeCheck::info_of(const Type& type) const {
  const auto found = classes_.infos.find(type.name);
  return found == classes_.infos.end() ? nullptr : &found->second;
}

py::object TypeCheck::live(const Type& type) const {
  const auto found = classes_.live.find(type.name);
  return found == classes_.live.end() ? py::object() : found->second;
}

bool TypeCheck::fail(py::handle value, const Type& type, const std::string& at, bool outer) {
  Mismatch mismatch{at, schema::text(type), type_name(value), outer && at.empty()};
  // A short scalar says more than its type.
  if (PyLong_Check(value.ptr()) != 0 || PyFloat_Check(value.ptr()) != 0 || PyUnicode_Check(value.ptr()) != 0) {
    const py::object repr = own(PyObject_Repr(value.ptr()));
    const std::string text = repr ? text_of(repr) : "";
    if (!text.empty() && text.size() <= 40) mismatch.found += " " + text;
  }
  mismatch_ = std::move(mismatch);
  return false;
}

std::optional<Mismatch> TypeCheck::check(py::handle value, const Type& type) {
  mismatch_.reset();
  looked_at_ = 0;
  if (fits(value, type, "", 0)) return std::nullopt;
  return mismatch_;
}

bool TypeCheck::fits(py::handle value, const Type& type, const std::string& at, int depth) {
  if (depth > kMaxDepth || ++looked_at_ > kMaxElements) return true;
  switch (type.kind) {
    case Kind::any:
    case Kind::never:
      return true;
    case Kind::none:
      return value.is_none() || fail(value, type, at);
    case Kind::callable:
      return PyCallable_Check(value.ptr()) != 0 || fail(value, type, at);
    case Kind::literal:
      return fits_literal(value, type, at);
    case Kind::union_of: {
      for (const Type& one : type.arguments)
        if (fits(value, one, at, depth)) return true;
      if (const Type& only = without_none(type); &only != &type) return fits(value, only, at, depth);
      // None of several: inside only where one of them is right as far as the outside goes.
      const bool outer = !mismatch_ || mismatch_->path == at;
      return fail(value, type, at, outer);
    }
    case Kind::tuple: {
      if (PyTuple_Check(value.ptr()) == 0) return fail(value, type, at);
      const Py_ssize_t size = PyTuple_GET_SIZE(value.ptr());
      if (!type.variadic && size != static_cast<Py_ssize_t>(type.arguments.size())) {
        fail(value, type, at, false);
        mismatch_->found = "a tuple of " + std::to_string(size);
        return false;
      }
      for (Py_ssize_t i = 0; i < size && looked_at_ < kMaxElements; ++i)
        if (!fits(PyTuple_GET_ITEM(value.ptr(), i), type.arguments[type.variadic ? 0 : static_cast<std::size_t>(i)],
                  at + "/" + std::to_string(i), depth + 1))
          return false;
      return true;
    }
    case Kind::named:
      return fits_class(value, type, at, depth);
  }
  return true;
}

bool TypeCheck::fits_literal(py::handle value, const Type& type, const std::string& at) {
  bool outer = true;
  for (const auto& wanted : type.values) {
    if (const auto* member = wanted.if_object()) {
      const auto* name = member->if_contains("name");
      if (name == nullptr) return true;  // bytes
      if (text_of(find_attribute(value, "name")) == std::string_view(name->get_string())) return true;
      continue;
    }
    const std::string kind = schema::class_of_literal(wanted);
    const bool same_kind = kind == "NoneType" ? value.is_none()
                           : kind == "bool"   ? PyBool_Check(value.ptr()) != 0
                           : kind == "int"    ? PyLong_Check(value.ptr()) != 0 && PyBool_Check(value.ptr()) == 0
                                              : PyUnicode_Check(value.ptr()) != 0;
    if (!same_kind) continue;
    outer = false;
    if (const auto exact = exact_json(value); exact && *exact == wanted) return true;
  }
  return fail(value, type, at, outer);
}

bool TypeCheck::is_instance(py::handle value, const std::string& name) const {
  PyObject* v = value.ptr();
  if (name == "object") return true;
  if (name == "str") return PyUnicode_Check(v) != 0;
  if (name == "int") return PyLong_Check(v) != 0 || is_a(value, loaded_class("numbers", "Integral"));
  if (name == "float")
    return PyFloat_Check(v) != 0 || PyLong_Check(v) != 0 || is_a(value, loaded_class("numbers", "Real"));
  if (name == "complex")
    return PyComplex_Check(v) != 0 || PyFloat_Check(v) != 0 || PyLong_Check(v) != 0 ||
           is_a(value, loaded_class("numbers", "Complex"));
  if (name == "bool") return PyBool_Check(v) != 0 || type_name(value).starts_with("numpy.bool");
  if (name == "bytes") return PyBytes_Check(v) != 0 || PyByteArray_Check(v) != 0 || PyMemoryView_Check(v) != 0;
  if (name == "list") return PyList_Check(v) != 0;
  if (name == "dict") return PyDict_Check(v) != 0;
  if (name == "set") return PySet_Check(v) != 0;
  if (name == "frozenset") return PyFrozenSet_Check(v) != 0;
  if (name == "typing.IO" || name == "typing.BinaryIO" || name == "typing.TextIO")
    return static_cast<bool>(find_attribute(value, "read")) || static_cast<bool>(find_attribute(value, "write"));
  // Python's abstract classes by what they need, where nothing has been registered.
  const auto found = classes_.live.find(name);
  return found == classes_.live.end() || is_a(value, found->second);
}

bool TypeCheck::fits_class(py::handle value, const Type& type, const std::string& at, int depth) {
  const ClassInfo* info = info_of(type);
  if (info == nullptr) {
    if (!is_instance(value, type.name)) return fail(value, type, at);
    return fits_elements(value, type, at, depth);
  }
  const bool new_type = !info->generic_bases.empty() &&
                        std::find(info->bases.begin(), info->bases.end(), "NewType") != info->bases.end();
  if (new_type) return fits(value, info->generic_bases.front(), at, depth);
  switch (info->form) {
    case ClassInfo::Form::typed_dict:
      if (PyDict_Check(value.ptr()) == 0) return fail(value, type, at);
      return fits_fields(value, type, *info, at, depth);
    case ClassInfo::Form::protocol:
      for (const auto& field : info->fields)
        if (!find_attribute(value, field.name.c_str())) {
          fail(value, type, at);
          mismatch_->found += ", which has no '" + field.name + "'";
          return false;
        }
      return true;
    default:
      break;
  }
  if (is_instance(value, type.name))
    return info->form == ClassInfo::Form::dataclass ? fits_fields(value, type, *info, at, depth) : true;
  // An object of another node's class: what counts is its fields.
  if (is_record(*info) && !info->fields.empty()) {
    const bool all = std::all_of(info->fields.begin(), info->fields.end(), [&](const schema::Field& field) {
      return field.method || static_cast<bool>(find_attribute(value, field.name.c_str()));
    });
    if (all) return fits_fields(value, type, *info, at, depth);
  }
  return fail(value, type, at);
}

bool TypeCheck::fits_fields(py::handle value, const Type& type, const ClassInfo& info, const std::string& at,
                            int depth) {
  for (const auto& field : info.fields) {
    if (field.method) continue;
    py::object inner = PyDict_Check(value.ptr()) != 0 ? own(PyMapping_GetItemString(value.ptr(), field.name.c_str()))
                                                      : find_attribute(value, field.name.c_str());
    if (!inner) {
      if (!field.required) continue;
      fail(value, type, at, false);
      mismatch_->found += " without '" + field.name + "'";
      return false;
    }
    if (!fits(inner, field.type, at + "/" + pointer_part(field.name), depth + 1)) return false;
  }
  return true;
}

bool TypeCheck::fits_elements(py::handle value, const Type& type, const std::string& at, int depth) {
  if (type.arguments.empty() || depth >= kMaxDepth) return true;
  PyObject* v = value.ptr();
  if (PyDict_Check(v) != 0 && type.name != "collections.abc.Iterable") {
    const Type kCount = Type::of("int");
    const Type& of_values = type.arguments.size() > 1 ? type.arguments[1]
                            : type.name == "collections.Counter" ? kCount
                                                                 : Type::any();
    PyObject *key = nullptr, *element = nullptr;
    Py_ssize_t i = 0;
    while (PyDict_Next(v, &i, &key, &element) != 0 && looked_at_ < kMaxElements) {
      const auto held = py::reinterpret_borrow<py::object>(key);  // a look at an attribute may change the dict
      const py::object shown = own(PyObject_Str(key));
      const std::string here = at + "/" + pointer_part(shown ? text_of(shown) : "?");
      if (!fits(held, type.arguments[0], here, depth + 1)) {
        mismatch_->expected = "a key of type " + mismatch_->expected;
        return false;
      }
      if (!fits(py::reinterpret_borrow<py::object>(element), of_values, here, depth + 1)) return false;
    }
    return true;
  }
  if (PyList_Check(v) != 0 || PyTuple_Check(v) != 0) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(v) && looked_at_ < kMaxElements; ++i)
      if (!fits(py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(v, i)), type.arguments[0],
                at + "/" + std::to_string(i), depth + 1))
        return false;
    return true;
  }
  if (PyAnySet_Check(v) != 0) {
    const py::object iterator = own(PyObject_GetIter(v));
    int position = 0;
    while (iterator && looked_at_ < kMaxElements) {
      const py::object element = own(PyIter_Next(iterator.ptr()));
      if (!element) break;
      if (!fits(element, type.arguments[0], at + "/" + std::to_string(position++), depth + 1)) return false;
    }
    return true;
  }
  if (type.name == "numpy.ndarray") {
    const py::object dtype = find_attribute(value, "dtype");
    const std::string name = dtype ? "numpy." + text_of(find_attribute(dtype, "name")) : "";
    if (type.arguments[0].name.starts_with("numpy.") && !name.empty() && name != type.arguments[0].name &&
        type.arguments[0].name != "numpy.generic") {
      // An abstract scalar class (numpy.floating) is fit by those below it.
      const py::object scalar = find_attribute(dtype, "type");
      const auto wanted = classes_.live.find(type.arguments[0].name);
      const bool below = wanted != classes_.live.end() && scalar && PyType_Check(scalar.ptr()) != 0 &&
                         PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(scalar.ptr()),
                                          reinterpret_cast<PyTypeObject*>(wanted->second.ptr())) != 0;
      if (below) return true;
      fail(value, type, at, false);
      mismatch_->found = "numpy.ndarray[" + name.substr(6) + "]";
      return false;
    }
  }
  return true;
}

py::object TypeCheck::make_record(const py::object& dict, const Type& type, const ClassInfo& info, bool inside,
                                  int depth) {
  const py::object klass = live(type);
  if (!klass || PyDict_Check(dict.ptr()) == 0) return dict;
  py::dict keywords;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict.ptr(), &at, &key, &value) != 0) {
    const auto field = std::find_if(info.fields.begin(), info.fields.end(),
                                    [&](const schema::Field& one) { return one.name == text_of(key); });
    if (info.form == ClassInfo::Form::dataclass && (field == info.fields.end() || field->method)) return dict;
    auto element = py::reinterpret_borrow<py::object>(value);
    if (inside && field != info.fields.end() && info.form == ClassInfo::Form::dataclass)
      element = from_json(std::move(element), field->type, depth + 1);
    if (PyDict_SetItem(keywords.ptr(), key, element.ptr()) != 0) PyErr_Clear();
  }
  const py::tuple none(0);
  auto made = py::reinterpret_steal<py::object>(PyObject_Call(klass.ptr(), none.ptr(), keywords.ptr()));
  if (made) return made;
  // A class that refuses these values says why: that is the node's own error.
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
  PyErr_Clear();
  return dict;
}

py::object TypeCheck::pass(py::object value, const Type& declared) {
  const Type& type = without_none(declared);
  if (value.is_none() || type.kind != Kind::named) return value;
  PyObject* v = value.ptr();
  if (type.name == "int" && PyFloat_Check(v) != 0) {
    const double number = PyFloat_AS_DOUBLE(v);
    if (number > -9e15 && number < 9e15 && number == std::floor(number))
      return py::reinterpret_steal<py::object>(PyLong_FromDouble(number));
    return value;
  }
  if (type.name == "list" && (PyTuple_Check(v) != 0 || PyAnySet_Check(v) != 0)) return own(PySequence_List(v));
  if (is_list_like(type.name) && PyAnySet_Check(v) != 0) return own(PySequence_List(v));
  if (is_iterator(type.name) && PyIter_Check(v) == 0) {
    py::object iterator = own(PyObject_GetIter(v));
    return iterator ? iterator : value;
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
  const ClassInfo* info = info_of(type);
  if (info == nullptr) return value;
  if (is_record(*info) && PyDict_Check(v) != 0 && !is_instance(value, type.name))
    return make_record(value, type, *info, false, 0);
  if (info->form == ClassInfo::Form::enumeration && !is_instance(value, type.name)) return from_json(value, type);
  return value;
}

py::object TypeCheck::scalar_from_json(const py::object& value, const Type& type) {
  const bool text = PyUnicode_Check(value.ptr()) != 0;
  const auto make = [&](const char* module, const char* path) -> py::object {
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
  if (type.name == "int" && PyFloat_Check(value.ptr()) != 0) return pass(value, type);
  if (type.name == "float" && PyLong_Check(value.ptr()) != 0 && PyBool_Check(value.ptr()) == 0)
    made = own(PyFloat_FromDouble(PyLong_AsDouble(value.ptr())));
  else if (text && (type.name == "bytes" || type.name == "bytearray")) made = make("base64", "b64decode");
  else if (text && type.name == "datetime.datetime") {
    // A final Z is read from 3.11 on only.
    std::string written = text_of(value);
    if (written.ends_with('Z')) written = written.substr(0, written.size() - 1) + "+00:00";
    const py::object from = py::module_::import("datetime").attr("datetime").attr("fromisoformat");
    made = own(PyObject_CallFunctionObjArgs(from.ptr(), py::str(written).ptr(), nullptr));
  } else if (text && type.name == "datetime.date") made = make("datetime", "date.fromisoformat");
  else if (text && type.name == "datetime.time") made = make("datetime", "time.fromisoformat");
  else if (text && type.name == "uuid.UUID") made = make("uuid", "UUID");
  else if (text && (type.name == "pathlib.Path" || type.name == "pathlib.PurePath")) made = make("pathlib", "Path");
  else if (type.name == "decimal.Decimal" && (text || PyLong_Check(value.ptr()) != 0)) made = make("decimal", "Decimal");
  else if (type.name == "pandas.DataFrame" && PyList_Check(value.ptr()) != 0) made = make("pandas", "DataFrame");
  else if (type.name == "numpy.ndarray" && PyList_Check(value.ptr()) != 0) made = make("numpy", "asarray");
  PyErr_Clear();
  return made ? made : value;
}

py::object TypeCheck::from_json(py::object value, const Type& declared, int depth) {
  const Type& type = without_none(declared);
  if (value.is_none() || depth > 32) return value;
  PyObject* v = value.ptr();
  const auto elements = [&](const Type& inner) {
    if (inner.kind == Kind::any) return;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v); ++i) {
      py::object element = from_json(py::reinterpret_borrow<py::object>(PyList_GET_ITEM(v, i)), inner, depth + 1);
      PyList_SetItem(v, i, element.release().ptr());
    }
  };
  if (type.kind == Kind::union_of) {
    // The first alternative that takes it as it is; otherwise the first that it can be made into.
    for (const Type& one : type.arguments)
      if (!check(value, one)) return value;
    for (const Type& one : type.arguments) {
      py::object made = from_json(value, one, depth + 1);
      if (!made.is(value)) return made;
    }
    return value;
  }
  if (type.kind == Kind::tuple && PyList_Check(v) != 0) {
    if (type.variadic) elements(type.arguments.front());
    else
      for (std::size_t i = 0; i < type.arguments.size() && i < static_cast<std::size_t>(PyList_GET_SIZE(v)); ++i) {
        const auto at = static_cast<Py_ssize_t>(i);
        py::object element =
            from_json(py::reinterpret_borrow<py::object>(PyList_GET_ITEM(v, at)), type.arguments[i], depth + 1);
        PyList_SetItem(v, at, element.release().ptr());
      }
    return own(PyList_AsTuple(v));
  }
  if (type.kind != Kind::named) return value;
  const Type inner = type.arguments.empty() ? Type::any() : type.arguments.back();
  if (PyList_Check(v) != 0 && type.name != "pandas.DataFrame" && type.name != "numpy.ndarray") {
    const ClassInfo* info = info_of(type);
    if (info != nullptr && info->form == ClassInfo::Form::named_tuple) {
      for (std::size_t i = 0; i < info->fields.size() && i < static_cast<std::size_t>(PyList_GET_SIZE(v)); ++i) {
        const auto at = static_cast<Py_ssize_t>(i);
        py::object element =
            from_json(py::reinterpret_borrow<py::object>(PyList_GET_ITEM(v, at)), info->fields[i].type, depth + 1);
        PyList_SetItem(v, at, element.release().ptr());
      }
      const py::tuple arguments = py::reinterpret_steal<py::tuple>(PyList_AsTuple(v));
      py::object made = own(PyObject_Call(live(type).ptr(), arguments.ptr(), nullptr));
      return made ? made : value;
    }
    elements(inner);
    if (type.name == "set" || type.name == "collections.abc.Set") {
      py::object made = own(PySet_New(v));
      return made ? made : value;
    }
    if (type.name == "frozenset") {
      py::object made = own(PyFrozenSet_New(v));
      return made ? made : value;
    }
    if (type.name == "collections.deque") {
      py::object made = py::module_::import("collections").attr("deque")(value);
      return made;
    }
    return value;
  }
  const ClassInfo* info = info_of(type);
  if (info != nullptr && info->form == ClassInfo::Form::enumeration && !is_instance(value, type.name)) {
    const py::object klass = live(type);
    if (py::object made = klass ? own(PyObject_CallFunctionObjArgs(klass.ptr(), v, nullptr)) : py::object()) return made;
    if (PyUnicode_Check(v) != 0 && klass)  // by name, where the value is nothing that JSON can say
      if (const py::object members = find_attribute(klass, "__members__"))
        if (py::object member = own(PyObject_GetItem(members.ptr(), v))) return member;
    return value;
  }
  if (PyDict_Check(v) != 0) {
    if (info != nullptr && is_record(*info)) return make_record(value, type, *info, true, depth);
    const bool typed = info != nullptr && info->form == ClassInfo::Form::typed_dict;
    const bool whole_keys = is_mapping(type.name) && type.arguments.size() == 2 && type.arguments.front().is("int");
    if (!typed && !is_mapping(type.name)) return value;
    py::dict made;
    for (const auto& [key, element] : py::reinterpret_borrow<py::dict>(value)) {
      Type of_element = inner;
      if (typed)
        for (const auto& field : info->fields)
          if (field.name == text_of(key)) of_element = field.type;
      py::object name = py::reinterpret_borrow<py::object>(key);
      if (whole_keys)
        if (py::object number = own(PyLong_FromUnicodeObject(key.ptr(), 10))) name = std::move(number);
      made[name] = from_json(py::reinterpret_borrow<py::object>(element), of_element, depth + 1);
    }
    return made;
  }
  return scalar_from_json(value, type);
}

}  // namespace qflow::pyhost
