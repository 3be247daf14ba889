#include "pyhost/types/annotations.hpp"

#include <algorithm>
#include <set>

#include "pyhost/types/classes.hpp"
#include "pyhost/values/preview.hpp"
#include "schema/messages.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/utf8.hpp"
#include "schema/typing/annotated_limits.hpp"
#include "schema/typing/names.hpp"
#include "schema/typing/parse.hpp"

namespace py = pybind11;

namespace qflow::pyhost {

using schema::Type;

namespace {

constexpr int kDeepestType = 24;
constexpr int kMaxParts = 1000;       // of one annotation
constexpr int kMaxAllParts = 20'000;  // of a module

bool is_class_named(py::handle object, const char* name) {
  return std::string(Py_TYPE(object.ptr())->tp_name).ends_with(name);
}

std::size_t length(py::handle tuple) {
  return tuple && PyTuple_Check(tuple.ptr()) != 0 ? static_cast<std::size_t>(PyTuple_GET_SIZE(tuple.ptr())) : 0;
}
py::handle item(py::handle tuple, std::size_t i) { return PyTuple_GET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i)); }

// A type variable of any kind.
bool is_variable(py::handle object) {
  return is_class_named(object, "TypeVar") || is_class_named(object, "ParamSpec") ||
         is_class_named(object, "TypeVarTuple");
}

}  // namespace

py::object find_attribute(py::handle object, const char* name) {
  if (!object) return {};
  return own(PyObject_GetAttrString(object.ptr(), name));
}

std::string text_of(py::handle object) {
  if (!object || PyUnicode_Check(object.ptr()) == 0) return {};
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    return {};
  }
  return {text, static_cast<std::size_t>(size)};
}

std::optional<schema::json::value> exact_json(py::handle value) {
  const Preview preview = make_preview(py::reinterpret_borrow<py::object>(value), 64U << 10U);
  if (!preview.exact || preview.truncated) return std::nullopt;
  std::string error;
  schema::json::value out = schema::parse_json(preview.json, error);
  if (!error.empty()) return std::nullopt;
  return out;
}

std::string canonical_name(py::handle klass) {
  std::string module = text_of(find_attribute(klass, "__module__"));
  std::string name = text_of(find_attribute(klass, "__qualname__"));
  if (name.empty()) name = text_of(find_attribute(klass, "__name__"));
  if (name.empty()) name = text_of(find_attribute(klass, "_name"));  // typing's special forms before 3.10
  if (module == "builtins" || module.empty()) return name;
  if (module == "typing_extensions") module = "typing";
  if (module == "_collections_abc") module = "collections.abc";
  if (module == "_io" || module == "io") return "io." + name;
  // Show a library's class under the module that the library is known for.
  for (const auto& [inside, shown] : {std::pair{"pandas.core.", "pandas"}, {"pathlib._local", "pathlib"}})
    if (module.starts_with(inside)) module = shown;
  return module + "." + name;
}

Type AnnotationReader::read(py::handle annotation, int depth) {
  if (depth == 0) {
    required_.reset();
    unpacked_ = false;
    parts_ = 0;
  }
  if (!annotation || depth > kDeepestType || ++parts_ > kMaxParts || ++classes_.parts > kMaxAllParts) return {};
  if (PyUnicode_Check(annotation.ptr()) != 0) return read_text(text_of(annotation), depth);
  if (is_class_named(annotation, "ParamSpecArgs") || is_class_named(annotation, "ParamSpecKwargs")) return {};
  if (depth <= 1 && find_attribute(annotation, "__unpacked__").is(py::bool_(true))) unpacked_ = true;  // *args: *tuple
  if (annotation.is_none()) return Type::none();
  if (annotation.ptr() == Py_Ellipsis) return {};
  if (is_variable(annotation))
    return in_class_ ? Type::of("~" + text_of(find_attribute(annotation, "__name__"))) : Type::any();
  if (is_class_named(annotation, "ForwardRef"))
    return read_text(text_of(find_attribute(annotation, "__forward_arg__")), depth);
  if (find_attribute(annotation, "__supertype__")) return read_new_type(annotation, depth);
  if (is_class_named(annotation, "TypeAliasType")) {
    const std::string name = "type " + text_of(find_attribute(annotation, "__name__"));
    if (std::find(expanding_.begin(), expanding_.end(), name) != expanding_.end()) return {};
    const Expanding here(expanding_, name);
    return read(find_attribute(annotation, "__value__"), depth + 1);
  }
  if (is_class_named(annotation, "InitVar")) return read(find_attribute(annotation, "type"), depth + 1);
  if (PyCFunction_Check(annotation.ptr()) != 0) return {};  // `any`, `callable`: written in place of a type
  // Before the class check: list[int] claims to be a type.
  if (PyType_Check(annotation.ptr()) == 0) {
    const py::object arguments = find_attribute(annotation, "__args__");
    if (is_class_named(annotation, "UnionType")) return read_union(arguments, depth);
    if (find_attribute(annotation, "__metadata__")) return read_annotated(annotation, depth);
    if (const py::object origin = find_attribute(annotation, "__origin__"); origin && !origin.is_none())
      return read_generic(origin, arguments, depth);
    return schema::make_type(canonical_name(annotation), {});
  }
  return read_class(annotation);
}

Type AnnotationReader::read_text(const std::string& text, int depth) {
  if (text.size() > 10'000) return {};
  if (text.starts_with('*')) {  // of *args
    unpacked_ = true;
    return {};
  }
  // An alias that mentions itself (Json = Union[Dict[str, "Json"], …]) is Any where it recurs.
  if (std::find(expanding_.begin(), expanding_.end(), text) != expanding_.end()) return {};
  const Expanding here(expanding_, text);
  const py::object names = names_ ? names_ : py::dict();
  if (py::object value = own(PyRun_String(text.c_str(), Py_eval_input, names.ptr(), names.ptr())))
    return read(value, std::max(depth + 1, 1));
  // Text that this Python cannot evaluate (int | None before 3.10), or with names that only a type checker imports.
  return read_parsed(text, depth);
}

Type AnnotationReader::read_parsed(const std::string& text, int depth) {
  std::set<std::string> unknown;
  const auto resolve = [&](std::string_view written) -> std::optional<std::string> {
    const std::string name(written);
    const py::object names = names_ ? names_ : py::dict();
    if (const py::object value = own(PyRun_String(name.c_str(), Py_eval_input, names.ptr(), names.ptr()))) {
      if (PyType_Check(value.ptr()) != 0) {
        const Type read_type = read_class(value);
        if (read_type.kind == Type::Kind::named) return read_type.name;
      }
      if (value.is_none()) return "None";
      if (find_attribute(value, "__supertype__")) return read_new_type(value, 1).name;
      const std::string canonical = canonical_name(value);
      // typing.List is known as list; so is List by its bare name.
      if (canonical.starts_with("typing.") || canonical.find('.') == std::string::npos)
        return schema::usual_name(canonical).value_or(canonical);
      return canonical;
    }
    if (auto usual = schema::usual_name(name)) return usual;
    unknown.insert(name);
    if (classes_.type_parameters.count(name) == 0)
      note("an annotation mentions '" + schema::cut(name, 100) + "', which is not defined when the code runs");
    return std::nullopt;
  };
  schema::ParsedType parsed = schema::parse_type(text, resolve);
  if (!parsed.error.empty()) note("the annotation '" + schema::cut(text, 100) + "' is not a type: " + parsed.error);
  if (!parsed.error.empty() || depth > kDeepestType) return {};
  const auto forget = [&](Type& type, auto& self) -> void {
    if (type.kind == Type::Kind::named && unknown.count(type.name) != 0) type = Type::any();
    for (Type& argument : type.arguments) self(argument, self);
  };
  forget(parsed.type, forget);
  return std::move(parsed.type);
}

void AnnotationReader::note(const std::string& reason) {
  if (!quiet_ && classes_.unresolved.size() < 20) classes_.unresolved.insert(reason + "; it is treated as Any");
}

void AnnotationReader::take_type_parameters(py::handle owner) {
  const py::object declared = find_attribute(owner, "__type_params__");
  for (std::size_t i = 0; i < length(declared); ++i)
    classes_.type_parameters.insert(text_of(find_attribute(item(declared, i), "__name__")));
}

Type AnnotationReader::read_class(py::handle klass) {
  if (klass.ptr() == reinterpret_cast<PyObject*>(Py_TYPE(Py_None))) return Type::none();
  const std::string name = canonical_name(klass);
  if (name.starts_with("typing.")) {
    // typing.Any is a class from 3.11 on; IO, TextIO and BinaryIO are classes, too.
    if (name != "typing.IO" && name != "typing.TextIO" && name != "typing.BinaryIO") return schema::make_type(name, {});
    return Type::of(name);
  }
  if (name == "io.StringIO" || name.starts_with("io.TextIO")) return Type::of("typing.TextIO");
  if (name == "io.BytesIO" || name.starts_with("io.Buffered") || name == "io.FileIO")
    return Type::of("typing.BinaryIO");
  if (name.starts_with("io.")) return Type::of("typing.IO");
  if (name.starts_with("numpy._typing.")) return {};  // ArrayLike and the like: anything numpy can make an array from
  if (klass.ptr() == reinterpret_cast<PyObject*>(&PyTuple_Type)) return schema::make_type("tuple", {});
  if (auto constrained = read_constrained(klass, name)) return std::move(*constrained);
  classes_.live.emplace(name, py::reinterpret_borrow<py::object>(klass));
  ClassReader(classes_).describe(name, klass);
  return Type::of(name);
}

// conint(ge=0), PositiveInt, constr(max_length=5), conlist(int): classes of pydantic 1 that are a type with limits.
std::optional<Type> AnnotationReader::read_constrained(py::handle klass, const std::string& name) {
  const py::object line = find_attribute(klass, "__mro__");
  if (!name.starts_with("pydantic.types.") &&
      (length(line) < 2 || canonical_name(item(line, 1)) != "pydantic.types.ConstrainedList"))
    return std::nullopt;
  for (std::size_t i = 1; i < length(line); ++i) {
    const std::string base = canonical_name(item(line, i));
    if (base != "int" && base != "float" && base != "str" && base != "bytes" && base != "list" && base != "set")
      continue;
    Type type = Type::of(base);
    if (const py::object element = find_attribute(klass, "item_type"); element && (base == "list" || base == "set"))
      type.arguments = {read(element, 1)};
    take_metadata(type, klass);
    return type;
  }
  return std::nullopt;
}

Type AnnotationReader::read_generic(py::handle origin, py::handle arguments, int depth) {
  const std::string name = canonical_name(origin);
  if (name.starts_with("numpy._typing.")) return {};
  if (name == "typing.Union") return read_union(arguments, depth);
  if (name == "typing.Literal") return read_literal(arguments, 0);
  if (name == "collections.abc.Callable") return read_callable(arguments, depth);
  if (origin.ptr() == reinterpret_cast<PyObject*>(&PyTuple_Type)) return read_tuple(arguments, depth);
  if (name == "typing.Required" || name == "typing.NotRequired") {
    const Type inner = length(arguments) > 0 ? read(item(arguments, 0), depth + 1) : Type::any();
    required_ = name == "typing.Required";
    return inner;
  }
  if (name == "typing.Unpack") {
    const Type inner = length(arguments) > 0 ? read(item(arguments, 0), depth + 1) : Type::any();
    unpacked_ = true;
    return inner;
  }
  if (is_class_named(origin, "TypeAliasType")) {
    const std::string alias = "type " + text_of(find_attribute(origin, "__name__"));
    if (std::find(expanding_.begin(), expanding_.end(), alias) != expanding_.end()) return {};
    const Expanding here(expanding_, alias);
    const py::object value = find_attribute(origin, "__value__");
    const py::object filled = own(PyObject_GetItem(value.ptr(), arguments.ptr()));
    return read(filled ? filled : value, depth + 1);
  }
  std::vector<Type> inner;
  for (std::size_t i = 0; i < length(arguments) && i < 100; ++i) inner.push_back(read(item(arguments, i), depth + 1));
  if (name == "numpy.ndarray") {
    // ndarray[shape, dtype[scalar]]: the scalar is what matters to the receiver of the array.
    if (inner.size() == 2 && inner[1].is("numpy.dtype") && !inner[1].arguments.empty())
      return Type::of(name, {inner[1].arguments.front()});
    return Type::of(name);
  }
  if (PyType_Check(origin.ptr()) != 0 && !name.starts_with("typing.")) read_class(origin);  // so that it is described
  if (name.starts_with("typing.") && inner.size() == 1 && (name == "typing.IO"))
    return Type::of(name, std::move(inner));
  return schema::make_type(name, std::move(inner));
}

Type AnnotationReader::read_union(py::handle arguments, int depth) {
  std::vector<Type> alternatives;
  for (std::size_t i = 0; i < length(arguments) && i < 200; ++i)
    alternatives.push_back(read(item(arguments, i), depth + 1));
  return alternatives.empty() ? Type::any() : Type::either(std::move(alternatives));
}

Type AnnotationReader::read_literal(py::handle arguments, int depth) {
  Type type;
  type.kind = Type::Kind::literal;
  const auto add = [&](schema::json::value value) {
    if (std::find(type.values.begin(), type.values.end(), value) == type.values.end())
      type.values.push_back(std::move(value));
  };
  for (std::size_t i = 0; i < length(arguments) && i < 500; ++i) {
    const py::handle value = item(arguments, i);
    if (const py::object nested = find_attribute(value, "__args__"); nested && length(nested) > 0 && depth < 4) {
      for (auto& inner : read_literal(nested, depth + 1).values) add(std::move(inner));
      continue;
    }
    const auto klass = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr())));
    if (find_attribute(klass, "__members__")) {
      const Type owner = read_class(klass);
      add(schema::json::object{{"enum", owner.name}, {"name", text_of(find_attribute(value, "name"))}});
    } else if (PyBytes_Check(value.ptr()) != 0) {
      {
        std::string shown = text_of(own(PyObject_Repr(value.ptr())));  // b'...'
        if (shown.size() >= 3) shown = shown.substr(2, shown.size() - 3);
        add(schema::json::object{{"bytes", shown}});
      }
    } else if (auto exact = exact_json(value)) {
      add(std::move(*exact));
    }
  }
  return type.values.empty() ? Type::any() : type;
}

Type AnnotationReader::read_callable(py::handle arguments, int depth) {
  Type type;
  type.kind = Type::Kind::callable;
  const std::size_t count = length(arguments);
  if (count == 0 || (count == 2 && is_variable(item(arguments, 0)) && is_variable(item(arguments, 1))))
    return schema::make_type("typing.Callable", {});
  // (parameters..., result), (..., result) or (a ParamSpec, result); a list of parameters on 3.9.0 and 3.9.1.
  const py::handle first = item(arguments, 0);
  type.variadic = count == 2 && (first.ptr() == Py_Ellipsis || is_class_named(first, "ParamSpec") ||
                                 is_class_named(first, "_ConcatenateGenericAlias"));
  if (!type.variadic)
    for (std::size_t i = 0; i + 1 < count; ++i) type.arguments.push_back(read(item(arguments, i), depth + 1));
  type.arguments.push_back(read(item(arguments, count - 1), depth + 1));
  return type;
}

Type AnnotationReader::read_tuple(py::handle arguments, int depth) {
  Type type;
  type.kind = Type::Kind::tuple;
  const std::size_t count = length(arguments);
  if (count == 1 && PyTuple_Check(item(arguments, 0).ptr()) != 0) return type;  // Tuple[()] before 3.11
  if (count == 2 && item(arguments, 1).ptr() == Py_Ellipsis) {
    type.variadic = true;
    type.arguments.push_back(read(item(arguments, 0), depth + 1));
    return type;
  }
  for (std::size_t i = 0; i < count && i < 200; ++i) {
    const py::object unpacked = find_attribute(item(arguments, i), "__unpacked__");
    if (is_class_named(item(arguments, i), "_UnpackGenericAlias") || (unpacked && PyObject_IsTrue(unpacked.ptr()) == 1))
      return schema::make_type("tuple", {});
    type.arguments.push_back(read(item(arguments, i), depth + 1));
  }
  return type;
}

Type AnnotationReader::read_new_type(py::handle annotation, int depth) {
  const Type base = read(find_attribute(annotation, "__supertype__"), depth + 1);
  std::string name = canonical_name(annotation);
  // Before 3.10 a NewType is a function of typing's, which does not say where it was made.
  if (PyFunction_Check(annotation.ptr()) != 0) {
    PyObject* module = names_ ? PyDict_GetItemString(names_.ptr(), "__name__") : nullptr;
    name = text_of(find_attribute(annotation, "__name__"));
    if (module != nullptr) name.insert(0, text_of(module) + ".");
  }
  schema::ClassInfo& info = classes_.infos[name];
  info.bases = {"NewType"};
  info.generic_bases = {base};
  return Type::of(name);
}

Type AnnotationReader::read_annotated(py::handle annotation, int depth) {
  Type type = read(find_attribute(annotation, "__origin__"), depth + 1);
  const py::object metadata = find_attribute(annotation, "__metadata__");
  for (std::size_t i = 0; i < length(metadata) && i < 50; ++i) take_metadata(type, item(metadata, i));
  return type;
}

// annotated_types.Ge(0), pydantic's Field(ge=0), {"min": 0}, "a description", numpy's dtype: any metadata that carries
// the words.
void AnnotationReader::take_metadata(Type& type, py::handle metadata) {
  static constexpr const char* kWords[] = {
      "gt",  "ge",  "lt",      "le",      "multiple_of", "min_length", "max_length", "pattern",  "regex",
      "min", "max", "minimum", "maximum", "description", "title",      "min_items",  "max_items"};
  if (PyUnicode_Check(metadata.ptr()) != 0) {
    if (!type.limits.contains("description")) type.limits["description"] = text_of(metadata);
    return;
  }
  if (type.is("numpy.ndarray") && canonical_name(py::type::handle_of(metadata)).find("dtype") != std::string::npos) {
    type.arguments = {Type::of("numpy." + text_of(find_attribute(metadata, "name")))};
    return;
  }
  for (const char* word : kWords) {
    const py::object value = PyDict_Check(metadata.ptr()) != 0
                                 ? py::reinterpret_borrow<py::object>(PyDict_GetItemString(metadata.ptr(), word))
                                 : find_attribute(metadata, word);
    if (!value || value.is_none() || PyCallable_Check(value.ptr()) != 0) continue;
    if (const auto exact = exact_json(value)) schema::add_limit(type, word, *exact);
    else if (const py::object written = find_attribute(value, "pattern"))  // a compiled pattern
      schema::add_limit(type, word, schema::json::value(text_of(written)));
  }
  // pydantic 2 keeps annotated_types' objects in a list of its own.
  const py::object inner = find_attribute(metadata, "metadata");
  if (inner && PyList_Check(inner.ptr()) != 0)
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(inner.ptr()) && i < 50; ++i)
      take_metadata(type, PyList_GET_ITEM(inner.ptr(), i));
}

}  // namespace qflow::pyhost
