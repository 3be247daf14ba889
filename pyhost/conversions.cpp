// Of typecheck.hpp: values made into what a receiver declares.
#include <algorithm>
#include <cmath>

#include "pyhost/preview.hpp"
#include "pyhost/typecheck.hpp"
#include "schema/typing/hierarchy.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

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
bool is_mapping(const std::string& name) {
  return name == "dict" || name == "collections.abc.Mapping" || name == "collections.abc.MutableMapping";
}
// Those of the collections module, which are made of a dict.
bool is_special_dict(const std::string& name) {
  return name == "collections.Counter" || name == "collections.defaultdict" || name == "collections.OrderedDict";
}

// What JSON gives, so that an attempt to make something of it leaves the original as it is.
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

py::object TypeCheck::make_record(const py::object& dict, const Type& type, const ClassInfo& info, bool inside,
                                  int depth) {
  const py::object klass = live(type);
  if (!klass || PyDict_Check(dict.ptr()) == 0) return dict;
  int budget = schema::kLooks;
  const std::vector<schema::Field> fields =
      inside ? schema::fields_of(type, info, classes_.infos, budget) : info.fields;
  py::dict keywords;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict.ptr(), &at, &key, &value) != 0) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const schema::Field& one) { return one.name == text_of(key); });
    if (info.form == ClassInfo::Form::dataclass && (field == fields.end() || field->method)) return dict;
    auto element = py::reinterpret_borrow<py::object>(value);
    if (inside && field != fields.end() && info.form == ClassInfo::Form::dataclass)
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

// A member or a NamedTuple of another node's class, as this node's own class has it.
py::object TypeCheck::as_own_class(const py::object& value, const Type& type, const ClassInfo& info) {
  const py::object klass = live(type);
  if (!klass || is_instance(value, type.name)) return value;
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

// A list, set or dict of such members or tuples, with those of this node in their place.
py::object TypeCheck::with_own_classes(const py::object& value, const Type& type) {
  const auto renewed = [&](py::handle one, const Type& as) {
    const auto kept = py::reinterpret_borrow<py::object>(one);
    const ClassInfo* info = as.kind == Kind::named ? info_of(as) : nullptr;
    return info == nullptr ? kept : as_own_class(kept, as, *info);
  };
  const auto foreign = [&](const Type& one) {
    const ClassInfo* info = one.kind == Kind::named ? info_of(one) : nullptr;
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

py::object TypeCheck::pass(py::object value, const Type& declared) {
  const Type& type = without_none(declared);
  if (type.kind == Kind::literal)  // a member of another node's enumeration
    for (const auto& wanted : type.values)
      if (const auto* member = wanted.if_object(); member != nullptr && member->contains("enum")) {
        const Type owner = Type::of(std::string(std::string_view(member->at("enum").as_string())));
        if (const ClassInfo* of_owner = info_of(owner)) return as_own_class(value, owner, *of_owner);
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
  if (info->is_object() && PyDict_Check(v) != 0 && !is_instance(value, type.name))
    return make_record(value, type, *info, false, 0);
  py::object own_value = as_own_class(value, type, *info);
  if (!own_value.is(value)) return own_value;
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
  else if (text && (type.name == "bytes" || type.name == "bytearray")) {
    const py::object decode = py::module_::import("base64").attr("b64decode");
    const auto strictly = py::dict(py::arg("validate") = true);
    made = own(PyObject_Call(decode.ptr(), py::make_tuple(value).ptr(), strictly.ptr()));
    if (made && type.name == "bytearray") made = own(PyByteArray_FromObject(made.ptr()));
  } else if (text && type.name == "datetime.datetime") {
    // A final Z is read from 3.11 on only.
    std::string written = text_of(value);
    if (written.ends_with('Z')) written = written.substr(0, written.size() - 1) + "+00:00";
    const py::object from = py::module_::import("datetime").attr("datetime").attr("fromisoformat");
    made = own(PyObject_CallFunctionObjArgs(from.ptr(), py::str(written).ptr(), nullptr));
  } else if (text && type.name == "datetime.date") made = make("datetime", "date.fromisoformat");
  else if (text && type.name == "datetime.time") made = make("datetime", "time.fromisoformat");
  else if (text && type.name == "uuid.UUID") made = make("uuid", "UUID");
  else if (text && type.name.starts_with("pathlib."))
    made = make("pathlib", type.name == "pathlib.PurePath" ? "Path" : type.name.c_str() + 8);
  else if (text && type.name.starts_with("ipaddress.")) made = make("ipaddress", type.name.c_str() + 10);
  else if (type.name == "fractions.Fraction") made = make("fractions", "Fraction");
  else if (text && type.name == "complex") made = make("builtins", "complex");
  else if (type.name == "datetime.timedelta" && PyNumber_Check(value.ptr()) != 0) {
    const auto seconds = py::dict(py::arg("seconds") = value);
    made =
        own(PyObject_Call(py::module_::import("datetime").attr("timedelta").ptr(), py::tuple(0).ptr(), seconds.ptr()));
  } else if (type.name == "decimal.Decimal") {
    // A float by its digits: 9.99 is what was written.
    const py::object digits = own(PyObject_Str(value.ptr()));
    if (digits)
      made = own(
          PyObject_CallFunctionObjArgs(py::module_::import("decimal").attr("Decimal").ptr(), digits.ptr(), nullptr));
  } else if (type.name == "pandas.DataFrame" && PyList_Check(value.ptr()) != 0) made = make("pandas", "DataFrame");
  else if (type.name == "numpy.ndarray" && PyList_Check(value.ptr()) != 0) made = make("numpy", "asarray");
  PyErr_Clear();
  return made ? made : value;
}

// Literal[Color.RED] from "red", or from its name.
py::object TypeCheck::literal_from_json(const py::object& value, const Type& type) {
  for (const auto& wanted : type.values) {
    if (wanted.is_int64() && PyFloat_Check(value.ptr()) != 0 &&
        PyFloat_AS_DOUBLE(value.ptr()) == static_cast<double>(wanted.get_int64()))
      return py::reinterpret_steal<py::object>(PyLong_FromLongLong(wanted.get_int64()));
    const auto* member = wanted.if_object();
    if (member == nullptr || !member->contains("enum")) continue;
    const Type owner = Type::of(std::string(std::string_view(member->at("enum").as_string())));
    const py::object made = from_json(value, owner);
    if (!made.is(value) && text_of(find_attribute(made, "name")) == std::string_view(member->at("name").as_string()))
      return made;
  }
  return value;
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
    // The first alternative that takes it as it is; otherwise the first that what is made of it fits.
    for (const Type& one : type.arguments)
      if (!check(value, one)) return value;
    std::optional<py::error_already_set> refusal;
    for (const Type& one : type.arguments) try {
        py::object made = from_json(copy_of(value), one, depth + 1);
        if (!check(made, one)) return made;
      } catch (py::error_already_set& error) {
        if (!refusal) refusal.emplace(error);
      }
    if (refusal) throw py::error_already_set(*refusal);
    return value;
  }
  if (type.kind == Kind::literal) return literal_from_json(value, type);
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
      int budget = schema::kLooks;
      const auto fields = schema::fields_of(type, *info, classes_.infos, budget);
      for (std::size_t i = 0; i < fields.size() && i < static_cast<std::size_t>(PyList_GET_SIZE(v)); ++i) {
        const auto at = static_cast<Py_ssize_t>(i);
        py::object element =
            from_json(py::reinterpret_borrow<py::object>(PyList_GET_ITEM(v, at)), fields[i].type, depth + 1);
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
    if (type.name == "collections.deque") return py::module_::import("collections").attr("deque")(value);
    return is_iterator(type.name) ? pass(std::move(value), type) : value;
  }
  const ClassInfo* info = info_of(type);
  if (info != nullptr && info->form == ClassInfo::Form::enumeration && !is_instance(value, type.name)) {
    const py::object klass = live(type);
    if (py::object made = klass ? own(PyObject_CallFunctionObjArgs(klass.ptr(), v, nullptr)) : py::object())
      return made;
    if (PyUnicode_Check(v) != 0 && klass)  // by name, where the value is nothing that JSON can say
      if (const py::object members = find_attribute(klass, "__members__"))
        if (py::object member = own(PyObject_GetItem(members.ptr(), v))) return member;
    return value;
  }
  if (PyDict_Check(v) != 0) {
    if (info != nullptr && info->is_object()) return make_record(value, type, *info, true, depth);
    const bool typed = info != nullptr && info->form == ClassInfo::Form::typed_dict;
    if (!typed && !is_mapping(type.name) && !is_special_dict(type.name)) return value;
    const bool counted = type.name == "collections.Counter";
    const Type of_keys = typed || type.arguments.size() < (counted ? 1 : 2) ? Type::any() : type.arguments.front();
    int budget = schema::kLooks;
    const auto fields = typed ? schema::fields_of(type, *info, classes_.infos, budget) : std::vector<schema::Field>();
    py::dict made;
    for (const auto& [key, element] : py::reinterpret_borrow<py::dict>(value)) {
      Type of_element = counted ? Type::of("int") : inner;
      for (const auto& field : fields)
        if (field.name == text_of(key)) of_element = field.type;
      py::object name = py::reinterpret_borrow<py::object>(key);
      // JSON's keys are texts.
      if (of_keys.is("int")) {
        if (py::object number = own(PyLong_FromUnicodeObject(key.ptr(), 10))) name = std::move(number);
      } else {
        name = from_json(std::move(name), of_keys, depth + 1);
      }
      made[name] = from_json(py::reinterpret_borrow<py::object>(element), of_element, depth + 1);
    }
    const py::object special = is_special_dict(type.name) ? py::module_::import("collections") : py::object();
    if (counted) return special.attr("Counter")(made);
    if (type.name == "collections.OrderedDict") return special.attr("OrderedDict")(made);
    if (special) return special.attr("defaultdict")(py::none(), made);
    return made;
  }
  return scalar_from_json(value, type);
}

}  // namespace qflow::pyhost
