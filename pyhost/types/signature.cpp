#include "pyhost/types/signature.hpp"

#include "pyhost/types/default_value.hpp"
#include "schema/text/utf8.hpp"

#include <map>

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

using schema::Type;

// "list[int]" as it would be written: classes by name, everything else by repr without the typing prefix.
std::string annotation_text(py::handle annotation) {
  if (PyUnicode_Check(annotation.ptr()) != 0) return schema::cut(text_of(annotation), 2000);
  if (annotation.is_none()) return "None";
  if (PyType_Check(annotation.ptr()) != 0 && !find_attribute(annotation, "__args__")) {
    const std::string module = text_of(find_attribute(annotation, "__module__"));
    const std::string name = text_of(find_attribute(annotation, "__qualname__"));
    return module == "builtins" || module.starts_with("nodes.") ? name : module + "." + name;
  }
  const py::object repr = py::reinterpret_steal<py::object>(PyObject_Repr(annotation.ptr()));
  if (!repr) {
    PyErr_Clear();
    return {};
  }
  std::string text = text_of(repr);
  for (std::size_t at = 0; (at = text.find("typing.", at)) != std::string::npos;) text.erase(at, 7);
  // <nodes.x.Ge object at 0x7f…>: leave out the address.
  for (std::size_t at = 0; (at = text.find(" at 0x", at)) != std::string::npos;)
    text.erase(at, std::min(text.find_first_not_of("0123456789abcdef", at + 6), text.size()) - at);
  return schema::cut(text, 2000);
}

std::string repr_of(py::handle value) {
  const py::object repr = py::reinterpret_steal<py::object>(PyObject_Repr(value.ptr()));
  if (!repr) {
    PyErr_Clear();
    return "…";
  }
  return schema::cut(text_of(repr), 200);
}

// The function that is called in the end, and how many of its first parameters are already given.
struct Target {
  py::object function;
  std::size_t skipped = 0;
  std::map<std::string, py::object> given;  // parameters that functools.partial gives by name: their defaults
  py::object constructed;                   // the class, if a class is called: the type of the result
  bool wrapped = false;                     // a decorator written in Python stands before it
};

Target target_of(py::handle callable) {
  Target out{py::reinterpret_borrow<py::object>(callable), 0, {}, {}, false};
  for (int i = 0; i < 64; ++i) {
    // functools.wraps leaves the wrapped function here; a chain is followed as inspect.unwrap does, but bounded.
    if (py::object inner = find_attribute(out.function, "__wrapped__")) {
      out.wrapped = out.wrapped || PyFunction_Check(out.function.ptr()) != 0;
      out.function = std::move(inner);
    } else if (PyMethod_Check(out.function.ptr()) != 0) {
      out.function = find_attribute(out.function, "__func__");
      ++out.skipped;
    } else if (PyFunction_Check(out.function.ptr()) != 0) {
      break;
    } else if (PyType_Check(out.function.ptr()) != 0) {
      out.constructed = out.function;
      py::object init = find_attribute(out.function, "__init__");
      if (!init || PyFunction_Check(init.ptr()) == 0) break;  // object's own
      out.function = std::move(init);
      ++out.skipped;
    } else if (std::string(Py_TYPE(out.function.ptr())->tp_name) == "functools.partial") {
      const py::object arguments = find_attribute(out.function, "args");
      const py::object keywords = find_attribute(out.function, "keywords");
      out.skipped += static_cast<std::size_t>(PyTuple_GET_SIZE(arguments.ptr()));
      for (const auto& entry : py::reinterpret_borrow<py::dict>(keywords))
        out.given.emplace(text_of(entry.first), py::reinterpret_borrow<py::object>(entry.second));
      out.function = find_attribute(out.function, "func");
    } else {
      // An object with __call__, which its class defines.
      py::object call = find_attribute(py::type::handle_of(out.function), "__call__");
      if (!call || PyFunction_Check(call.ptr()) == 0) break;
      out.function = std::move(call);
      ++out.skipped;
    }
  }
  return out;
}

std::optional<schema::json::value> shape_of(const Type& type) {
  if (type.kind == Type::Kind::any && type.limits.empty()) return std::nullopt;
  return schema::to_json(type);
}

bool is_iterator(const Type& type) {
  for (const char* name : {"collections.abc.Generator", "collections.abc.Iterator", "collections.abc.AsyncGenerator",
                           "collections.abc.AsyncIterator"})
    if (type.is(name)) return true;
  return false;
}

// The type that passes on: a coroutine's result, or a list of a generator's elements (calls.cpp settles both).
Type settled(Type type, int flags) {
  const bool generator = (flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) != 0;
  if (generator || is_iterator(type))
    return Type::of("list", {type.arguments.empty() ? Type::any() : type.arguments.front()});
  if (type.is("collections.abc.Coroutine") && type.arguments.size() == 3) return type.arguments[2];
  if (type.is("collections.abc.Awaitable") && type.arguments.size() == 1) return type.arguments[0];
  return type;
}

class Describer {
 public:
  Describer(schema::Function& out, MentionedClasses& classes, Detail detail)
      : out_(out), classes_(classes), detail_(detail) {}

  void describe(py::handle callable) {
    const Target target = target_of(callable);
    if (const py::object said = find_attribute(callable, "__signature__");
        said && !said.is_none() && from_signature(said))
      return;
    if (PyFunction_Check(target.function.ptr()) == 0) {
      out_.var_positional = out_.var_keyword = true;  // nothing to inspect: accept any arguments
      if (target.constructed) returns(target.constructed, target);
      return;
    }
    from_code(target);
  }

 private:
  void from_code(const Target& target) {
    const py::handle function = target.function;
    const py::object code = find_attribute(function, "__code__");
    const py::tuple names = code.attr("co_varnames");
    const auto count = [&](const char* what) { return code.attr(what).cast<std::size_t>(); };
    const std::size_t positional = count("co_argcount"), only = count("co_posonlyargcount"),
                      keyword = count("co_kwonlyargcount");
    flags_ = code.attr("co_flags").cast<int>();
    out_.var_positional = (flags_ & CO_VARARGS) != 0;
    out_.var_keyword = (flags_ & CO_VARKEYWORDS) != 0;
    const py::object defaults = find_attribute(function, "__defaults__");
    const std::size_t with_default = !defaults || defaults.is_none() ? 0 : py::len(defaults);
    const py::object keyword_defaults = find_attribute(function, "__kwdefaults__");
    annotations_ = find_attribute(function, "__annotations__");
    AnnotationReader reader(classes_, find_attribute(function, "__globals__"));
    reader.take_type_parameters(function);
    bool by_name = false;
    for (std::size_t i = target.skipped; i < positional + keyword; ++i) {
      py::object initial;
      if (i < positional) {
        if (i + with_default >= positional)
          initial = py::reinterpret_borrow<py::object>(
              PyTuple_GET_ITEM(defaults.ptr(), static_cast<Py_ssize_t>(i + with_default - positional)));
      } else if (keyword_defaults && PyDict_Check(keyword_defaults.ptr()) != 0) {
        initial = py::reinterpret_borrow<py::object>(PyDict_GetItem(keyword_defaults.ptr(), names[i].ptr()));
      }
      const std::string name = text_of(names[i]);
      const auto partial = target.given.find(name);
      const bool given = partial != target.given.end();
      if (given) initial = partial->second;
      // After a parameter that a partial gives by name, parameters can only be given by name, too, as in inspect.
      by_name = by_name || given;
      add(name,
          i < only                     ? "positional"
          : i < positional && !by_name ? "either"
                                       : "keyword",
          initial, given, annotation(name), reader);
    }
    std::size_t rest = positional + keyword;
    if (out_.var_positional) take_more_positional(annotation(text_of(names[rest++])), reader);
    if (out_.var_keyword) take_more_named(annotation(text_of(names[rest])), reader);
    if (detail_ == Detail::full) {
      out_.line = code.attr("co_firstlineno").cast<std::int32_t>();
      out_.is_async = (flags_ & (CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
    }
    py::object result = annotation("return");
    if (target.constructed) result = target.constructed;
    returns(result, target);
    if (target.wrapped) out_.is_wrapped = true;
  }

  py::object annotation(const std::string& name) const {
    if (!annotations_ || PyDict_Check(annotations_.ptr()) == 0) return {};
    return py::reinterpret_borrow<py::object>(PyDict_GetItemString(annotations_.ptr(), name.c_str()));
  }

  void returns(const py::object& annotation, const Target& target) {
    Type type;
    if (annotation) {
      out_.returns = annotation_text(annotation);
      const py::object names = find_attribute(target.function, "__globals__");
      type = AnnotationReader(classes_, names).read(annotation);
    }
    const bool generator = (flags_ & (CO_GENERATOR | CO_ASYNC_GENERATOR)) != 0;
    if (generator || is_iterator(type)) out_.is_generator = true;
    out_.returns_shape = shape_of(settled(std::move(type), flags_));
  }

  void add(const std::string& name, const char* kind, const py::object& initial, bool given,
           const py::object& annotated, AnnotationReader& reader) {
    schema::Parameter parameter;
    parameter.name = name;
    parameter.kind = kind;
    parameter.required = !initial && !given;
    if (annotated) {
      parameter.type = annotation_text(annotated);
      Type type = reader.read(annotated);
      // `x: int = None` is what people write for Optional[int].
      if (initial && initial.is_none() && type.kind != Type::Kind::any) type = Type::either({type, Type::none()});
      parameter.shape = shape_of(type);
    }
    if (detail_ == Detail::full && initial) {
      parameter.initial = default_value(initial);
      parameter.default_text = repr_of(initial);
    }
    out_.parameters.push_back(std::move(parameter));
  }

  void take_more_positional(const py::object& annotated, AnnotationReader& reader) {
    if (!annotated) return;
    Type type = reader.read(annotated);
    if (!reader.unpacked()) out_.positional_shape = shape_of(type);  // Unpack[a tuple] has no one type for all
  }

  // **options: Unpack[Options] is a parameter for each field of that TypedDict (PEP 692).
  void take_more_named(const py::object& annotated, AnnotationReader& reader) {
    if (!annotated) return;
    const Type type = reader.read(annotated);
    const auto info = classes_.infos.find(type.name);
    if (!reader.unpacked()) {
      out_.named_shape = shape_of(type);
    } else if (info != classes_.infos.end()) {
      for (const schema::Field& field : info->second.fields) {
        schema::Parameter parameter;
        parameter.name = field.name;
        parameter.kind = "keyword";
        parameter.required = field.required;
        parameter.type = schema::text(field.type);
        parameter.shape = shape_of(field.type);
        if (!field.description.empty()) parameter.description = field.description;
        out_.parameters.push_back(std::move(parameter));
      }
    }
  }

  // A __signature__ set on the callable takes precedence, as it does in inspect.
  bool from_signature(const py::object& signature) {
    const py::object parameters = find_attribute(signature, "parameters");
    const py::object values =
        parameters ? py::reinterpret_steal<py::object>(PyMapping_Values(parameters.ptr())) : py::object();
    if (!values) {
      PyErr_Clear();
      return false;
    }
    AnnotationReader reader(classes_, {});
    const auto given = [](const py::object& value) {
      return value && !(PyType_Check(value.ptr()) != 0 &&
                        text_of(find_attribute(value, "__qualname__")).ends_with("_empty"))
                 ? value
                 : py::object();
    };
    for (const py::handle one : py::reinterpret_borrow<py::list>(values)) {
      const long kind = PyLong_AsLong(find_attribute(one, "kind").ptr());
      if (kind == 2) {
        out_.var_positional = true;
        take_more_positional(given(find_attribute(one, "annotation")), reader);
      } else if (kind == 4) {
        out_.var_keyword = true;
        take_more_named(given(find_attribute(one, "annotation")), reader);
      } else {
        add(text_of(find_attribute(one, "name")),
            kind == 0   ? "positional"
            : kind == 1 ? "either"
                        : "keyword",
            given(find_attribute(one, "default")), false, given(find_attribute(one, "annotation")), reader);
      }
    }
    PyErr_Clear();
    if (const py::object result = given(find_attribute(signature, "return_annotation"))) {
      out_.returns = annotation_text(result);
      out_.returns_shape = shape_of(reader.read(result));
    }
    return true;
  }

  schema::Function& out_;
  MentionedClasses& classes_;
  Detail detail_;
  py::object annotations_;
  int flags_ = 0;
};

}  // namespace

schema::Function describe_function(const std::string& name, py::handle function, MentionedClasses& classes,
                                   Detail detail) {
  schema::Function out;
  out.name = name;
  Describer(out, classes, detail).describe(function);
  return out;
}

std::string docstring_of(py::handle callable) {
  // Falls back to the docstring of the function that is really called, where the object has none of its own.
  const bool own_text =
      PyFunction_Check(callable.ptr()) != 0 || PyMethod_Check(callable.ptr()) != 0 || PyType_Check(callable.ptr()) != 0;
  std::string text = own_text ? text_of(find_attribute(callable, "__doc__")) : "";
  if (text.empty()) text = text_of(find_attribute(target_of(callable).function, "__doc__"));
  return text;
}

Type callable_type(const py::object& function, bool method, AnnotationReader& reader) {
  Type type;
  type.kind = Type::Kind::callable;
  const Target target = target_of(function);
  if (PyFunction_Check(target.function.ptr()) == 0) {
    type.variadic = true;
    type.arguments = {Type::any()};
    return type;
  }
  const py::object code = find_attribute(target.function, "__code__");
  const py::tuple names = code.attr("co_varnames");
  const auto count = code.attr("co_argcount").cast<std::size_t>();
  // With optional parameters, the number of arguments varies, which Callable cannot express.
  const py::object defaults = find_attribute(target.function, "__defaults__");
  type.variadic =
      (defaults && !defaults.is_none()) || (code.attr("co_flags").cast<int>() & (CO_VARARGS | CO_VARKEYWORDS)) != 0;
  const py::object annotations = find_attribute(target.function, "__annotations__");
  const auto read = [&](const std::string& name) {
    PyObject* found = annotations && PyDict_Check(annotations.ptr()) != 0
                          ? PyDict_GetItemString(annotations.ptr(), name.c_str())
                          : nullptr;
    return found == nullptr ? Type::any() : reader.read(found, 1);
  };
  for (std::size_t i = target.skipped + (method ? 1 : 0); !type.variadic && i < count; ++i)
    type.arguments.push_back(read(text_of(names[i])));
  type.arguments.push_back(read("return"));
  return type;
}

}  // namespace qflow::pyhost
