#include "pyhost/types/typecheck.hpp"

#include <algorithm>

#include "pyhost/types/broken_limit.hpp"
#include "pyhost/values/preview.hpp"
#include "schema/text/pointer.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

using schema::ClassInfo;
using schema::Type;
using Kind = Type::Kind;

constexpr int kDeepestCheck = 8;
constexpr int kMaxElements = 10'000;

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

std::string pointer_part(const std::string& name) { return schema::escape_pointer(schema::cut(name, 100)); }

// The name in a path of a key that is not a str.
std::string key_text(const py::object& key) {
  const py::object shown = own(PyObject_Str(key.ptr()));
  return shown ? pointer_part(text_of(shown)) : "?";
}

}  // namespace

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
  // The value of a short scalar says more than its type.
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
  if (depth > kDeepestCheck || ++looked_at_ > kMaxElements) return true;
  if (!fits_kind(value, type, at, depth)) return false;
  if (type.limits.empty()) return true;
  const auto broken = broken_limit(value, type.limits);
  if (!broken) return true;
  fail(value, type, at, false);
  mismatch_->expected += " with " + *broken;
  return false;
}

bool TypeCheck::fits_kind(py::handle value, const Type& type, const std::string& at, int depth) {
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
      bool inside = false;  // the outer type of one alternative is right
      for (const Type& one : type.arguments) {
        if (fits(value, one, at, depth)) return true;
        inside = inside || !mismatch_->outer;
      }
      if (const Type& only = without_none(type); &only != &type) return fits(value, only, at, depth);
      return fail(value, type, at, !inside);
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
  if (is_of(value, name)) return true;
  // An object that claims to be an instance: a proxy, a mock.
  return name.find('.') == std::string::npos && is_a(value, loaded_class("builtins", name.c_str()));
}

bool TypeCheck::is_of(py::handle value, const std::string& name) const {
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
  if (name == "collections.abc.Iterator" || name == "collections.abc.Generator") return PyIter_Check(v) != 0;
  if (name == "collections.abc.Iterable" && PySequence_Check(v) != 0) return true;
  // Python's abstract classes look for the methods they need, unless a class has been registered.
  const auto found = classes_.live.find(name);
  return found == classes_.live.end() || is_a(value, found->second);
}

bool TypeCheck::fits_class(py::handle value, const Type& type, const std::string& at, int depth) {
  const ClassInfo* info = info_of(type);
  if (info == nullptr) {
    if (!is_instance(value, type.name)) return fail(value, type, at);
    return fits_elements(value, type, at, depth);
  }
  const bool new_type =
      !info->generic_bases.empty() && std::find(info->bases.begin(), info->bases.end(), "NewType") != info->bases.end();
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
  // An object of another node's class: only its fields count.
  if ((info->is_object() || info->form == ClassInfo::Form::named_tuple) && !info->fields.empty()) {
    const bool all = std::all_of(info->fields.begin(), info->fields.end(), [&](const schema::Field& field) {
      return field.method || field.init_only || static_cast<bool>(find_attribute(value, field.name.c_str()));
    });
    if (all) return fits_fields(value, type, *info, at, depth);
  }
  return fail(value, type, at);
}

bool TypeCheck::fits_fields(py::handle value, const Type& type, const ClassInfo& info, const std::string& at,
                            int depth) {
  for (const auto& field : info.fields) {
    if (field.method || field.init_only) continue;
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
  if (type.arguments.empty() || depth >= kDeepestCheck) return true;
  PyObject* v = value.ptr();
  if (PyDict_Check(v) != 0 && type.name != "collections.abc.Iterable") {
    const Type kCount = Type::of("int");
    const Type& of_values = type.arguments.size() > 1            ? type.arguments[1]
                            : type.name == "collections.Counter" ? kCount
                                                                 : Type::any();
    // Use an iterator, with references of our own: inspecting a key may run code that changes the dict, which ends the
    // iteration.
    const py::object keys = own(PyObject_GetIter(v));
    while (keys && looked_at_ < kMaxElements) {
      const py::object key = own(PyIter_Next(keys.ptr()));
      if (!key) break;
      const auto element = py::reinterpret_borrow<py::object>(PyDict_GetItemWithError(v, key.ptr()));
      if (!element) {
        PyErr_Clear();
        continue;
      }
      const std::string here =
          at + "/" + (PyUnicode_Check(key.ptr()) != 0 ? pointer_part(text_of(key)) : key_text(key));
      if (!fits(key, type.arguments[0], here, depth + 1)) {
        mismatch_->expected = "a key of type " + mismatch_->expected;
        return false;
      }
      if (!fits(element, of_values, here, depth + 1)) return false;
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
      // The subclasses of an abstract scalar class (numpy.floating) fit it.
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

}  // namespace qflow::pyhost
