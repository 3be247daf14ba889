#include "pyhost/types/classes.hpp"

#include "pyhost/types/default_value.hpp"

#include <algorithm>

#include "pyhost/types/signature.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

using schema::ClassInfo;
using schema::Field;
using Form = ClassInfo::Form;

constexpr std::size_t kMaxClasses = 200;

// The daemon already knows Python's own classes and the bases that add no information.
bool is_pythons_own(const std::string& name) {
  if (name.find('.') == std::string::npos) return true;
  for (const char* module : {"collections.", "typing.", "datetime.", "decimal.", "fractions.", "pathlib.", "uuid.",
                             "numbers.", "enum.", "abc.", "types.", "re.", "contextlib.", "io."})
    if (name.starts_with(module)) return true;
  return false;
}

// Calls fn(key, value) for the items of a mapping, in order.
template <class F>
void each_item(py::handle mapping, std::size_t most, F fn) {
  if (!mapping) return;
  const py::object items = own(PyMapping_Items(mapping.ptr()));
  if (!items) return;
  const Py_ssize_t count = PyList_GET_SIZE(items.ptr());
  for (Py_ssize_t i = 0; i < count && i < static_cast<Py_ssize_t>(most); ++i) {
    PyObject* pair = PyList_GET_ITEM(items.ptr(), i);
    if (PyTuple_Check(pair) == 0 || PyTuple_GET_SIZE(pair) != 2) continue;
    const auto held = py::reinterpret_borrow<py::object>(pair);  // what follows may run code
    fn(text_of(PyTuple_GET_ITEM(pair, 0)), py::handle(PyTuple_GET_ITEM(pair, 1)));
  }
}

py::object names_of_module(py::handle klass) {
  const py::object module = find_attribute(klass, "__module__");
  PyObject* found = module ? PyDict_GetItem(PyImport_GetModuleDict(), module.ptr()) : nullptr;
  return found == nullptr ? py::object() : find_attribute(found, "__dict__");
}

bool is_true(py::handle object) { return object && PyObject_IsTrue(object.ptr()) == 1; }

std::string summary_of(py::handle klass) {
  const std::string doc = text_of(find_attribute(klass, "__doc__"));
  // Without a docstring in the source, dataclasses write a signature, enum and NamedTuple a stock text.
  if (doc.starts_with(text_of(find_attribute(klass, "__name__")) + "(") || doc.starts_with("An enumeration") ||
      doc.starts_with("Create a collection"))
    return {};
  return schema::cut(std::string_view(doc).substr(0, doc.find("\n\n")), 500);
}

}  // namespace

void ClassReader::describe(const std::string& name, py::handle klass) {
  if (is_pythons_own(name) || classes_.infos.count(name) != 0 || classes_.infos.size() >= kMaxClasses) return;
  classes_.infos[name];  // it may mention itself
  ClassInfo info;
  AnnotationReader reader(classes_, names_of_module(klass));
  reader.quiet_ = !name.starts_with("nodes.");
  reader.take_type_parameters(klass);
  reader.in_class_ = true;
  read_bases(info, klass, reader);
  const py::object fields = find_attribute(klass, "__dataclass_fields__");
  const py::object members = find_attribute(klass, "__members__");
  const bool tuple = PyType_Check(klass.ptr()) != 0 &&
                     PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(klass.ptr()), &PyTuple_Type) != 0;
  info.description = summary_of(klass);
  if (std::string(Py_TYPE(klass.ptr())->tp_name).ends_with("_TypedDictMeta")) read_typed_dict(info, klass, reader);
  else if (members && std::string(Py_TYPE(klass.ptr())->tp_name).find("Enum") != std::string::npos)
    read_enumeration(info, members);
  else if (tuple && find_attribute(klass, "_fields")) read_named_tuple(info, klass, reader);
  else if (read_model(info, klass, reader)) info.form = Form::model;
  else if (fields) read_dataclass(info, fields, klass, reader);
  if (const py::object dict = find_attribute(klass, "__dict__")) {
    const py::object protocol = own(PyMapping_GetItemString(dict.ptr(), "_is_protocol"));
    if (is_true(protocol)) info.form = Form::protocol;
  }
  const bool users = name.starts_with("nodes.");
  if (info.form == Form::protocol || (users && (info.form == Form::plain || info.form == Form::dataclass)))
    read_members(info, klass, reader);
  classes_.infos[name] = std::move(info);
}

void ClassReader::read_bases(ClassInfo& info, py::handle klass, AnnotationReader& reader) {
  const py::object order = find_attribute(klass, "__mro__");
  const bool ordered = order && PyTuple_Check(order.ptr()) != 0;
  for (Py_ssize_t i = 1; ordered && i < PyTuple_GET_SIZE(order.ptr()) && i < 50; ++i) {
    const std::string name = canonical_name(PyTuple_GET_ITEM(order.ptr(), i));
    if (name == "object" || name.starts_with("typing.") || name == "abc.ABC") continue;
    info.bases.push_back(name);
    if (name.starts_with("nodes.")) describe(name, PyTuple_GET_ITEM(order.ptr(), i));
  }
  if (const py::object parameters = find_attribute(klass, "__parameters__");
      parameters && PyTuple_Check(parameters.ptr()) != 0)
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parameters.ptr()); ++i) {
      const py::handle one = PyTuple_GET_ITEM(parameters.ptr(), i);
      const char* sign = is_true(find_attribute(one, "__covariant__"))       ? "+"
                         : is_true(find_attribute(one, "__contravariant__")) ? "-"
                                                                             : "";
      info.parameters.push_back(sign + text_of(find_attribute(one, "__name__")));
    }
  const py::object dict = find_attribute(klass, "__dict__");
  const py::object originals = dict ? own(PyMapping_GetItemString(dict.ptr(), "__orig_bases__")) : py::object();
  if (!originals || PyTuple_Check(originals.ptr()) == 0) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(originals.ptr()); ++i) {
    const py::handle base = PyTuple_GET_ITEM(originals.ptr(), i);
    if (!find_attribute(base, "__origin__")) continue;
    schema::Type type = reader.read(base, 1);
    if (type.kind == schema::Type::Kind::named || type.kind == schema::Type::Kind::tuple)
      info.generic_bases.push_back(std::move(type));
  }
}

// pydantic, 2 or 1: the model describes itself.
bool ClassReader::read_model(ClassInfo& info, py::handle klass, AnnotationReader& reader) {
  const bool is_model = std::any_of(info.bases.begin(), info.bases.end(), [](const std::string& base) {
    return base.starts_with("pydantic.") && base.ends_with(".BaseModel");
  });
  if (!is_model) return false;
  const py::object two = find_attribute(klass, "model_fields");
  const py::object fields = two ? two : find_attribute(klass, "__fields__");
  each_item(fields, 200, [&](const std::string& name, py::handle one) {
    Field field;
    field.name = name;
    const py::object annotation = find_attribute(one, two ? "annotation" : "outer_type_");
    field.type = reader.read(annotation, 1);
    if (two) {
      const py::object required = own(PyObject_CallMethod(one.ptr(), "is_required", nullptr));
      field.required = is_true(required);
    } else {
      field.required = is_true(find_attribute(one, "required"));
      if (is_true(find_attribute(one, "allow_none")) && field.type.kind != schema::Type::Kind::any)
        field.type = schema::Type::either({field.type, schema::Type::none()});
    }
    info.fields.push_back(std::move(field));
  });
  const py::object said = own(PyObject_CallMethod(klass.ptr(), two ? "model_json_schema" : "schema", nullptr));
  if (said)
    if (auto exact = exact_json(said); exact && exact->is_object()) info.json_schema = exact->get_object();
  return true;
}

void ClassReader::read_dataclass(ClassInfo& info, py::handle fields, py::handle klass, AnnotationReader& reader) {
  info.form = Form::dataclass;
  const py::object parameters = find_attribute(klass, "__dataclass_params__");
  const bool frozen = parameters && is_true(find_attribute(parameters, "frozen"));
  each_item(fields, 500, [&](const std::string& name, py::handle one) {
    const std::string kind = text_of(find_attribute(find_attribute(one, "_field_type"), "name"));
    if (kind != "_FIELD" && kind != "_FIELD_INITVAR") return;  // a ClassVar
    Field field;
    field.name = name;
    field.init_only = kind == "_FIELD_INITVAR";
    field.read_only = frozen;
    field.type = reader.read(find_attribute(one, "type"), 1);
    const auto missing = [&](const char* attribute) {
      const py::object value = find_attribute(one, attribute);
      return !value || std::string(Py_TYPE(value.ptr())->tp_name).ends_with("_MISSING_TYPE");
    };
    const bool in_init = is_true(find_attribute(one, "init"));
    field.computed = !in_init;
    field.required = in_init && missing("default") && missing("default_factory");
    if (!missing("default")) field.initial = default_value(find_attribute(one, "default"));
    if (const py::object metadata = find_attribute(one, "metadata"))
      if (const py::object said = own(PyMapping_GetItemString(metadata.ptr(), "description")))
        field.description = text_of(said);
    info.fields.push_back(std::move(field));
  });
}

void ClassReader::read_typed_dict(ClassInfo& info, py::handle klass, AnnotationReader& reader) {
  info.form = Form::typed_dict;
  const py::object required = find_attribute(klass, "__required_keys__");  // not before 3.9
  const bool total = is_true(find_attribute(klass, "__total__"));
  each_item(find_attribute(klass, "__annotations__"), 500, [&](const std::string& name, py::handle annotation) {
    Field field;
    field.name = name;
    field.type = reader.read(annotation);
    const py::str key(name);
    field.required = required ? PySequence_Contains(required.ptr(), key.ptr()) == 1 : total;
    if (const auto said = reader.requiredness()) field.required = *said;
    info.fields.push_back(std::move(field));
  });
}

void ClassReader::read_named_tuple(ClassInfo& info, py::handle klass, AnnotationReader& reader) {
  info.form = Form::named_tuple;
  const py::object names = find_attribute(klass, "_fields");
  const py::object annotations = find_attribute(klass, "__annotations__");
  const py::object defaults = find_attribute(klass, "_field_defaults");
  for (Py_ssize_t i = 0; names && PyTuple_Check(names.ptr()) != 0 && i < PyTuple_GET_SIZE(names.ptr()); ++i) {
    Field field;
    field.name = text_of(PyTuple_GET_ITEM(names.ptr(), i));
    field.read_only = true;
    if (annotations)
      if (const py::object annotation = own(PyMapping_GetItemString(annotations.ptr(), field.name.c_str())))
        field.type = reader.read(annotation, 1);
    if (defaults)
      if (const py::object value = own(PyMapping_GetItemString(defaults.ptr(), field.name.c_str()))) {
        field.required = false;
        field.initial = default_value(value);
      }
    info.fields.push_back(std::move(field));
  }
}

void ClassReader::read_enumeration(ClassInfo& info, py::handle members) {
  info.form = Form::enumeration;
  each_item(members, 500, [&](const std::string& name, py::handle member) {
    const py::object value = find_attribute(member, "value");
    const auto exact = value ? exact_json(value) : std::nullopt;
    info.members.emplace_back(name, exact ? *exact : schema::json::value());
  });
}

// The attributes and methods that a protocol requires, or that a class offers to match one.
void ClassReader::read_members(ClassInfo& info, py::handle klass, AnnotationReader& reader) {
  const bool protocol = info.form == Form::protocol;
  const auto known = [&](const std::string& name) {
    return std::any_of(info.fields.begin(), info.fields.end(), [&](const Field& f) { return f.name == name; });
  };
  // Inherited members are described with the bases.
  const py::object dict = find_attribute(klass, "__dict__");
  // A dataclass has already listed all of its attributes; other annotations are not fields (ClassVar, KW_ONLY).
  const bool complete = info.form == Form::dataclass;
  each_item(dict ? own(PyMapping_GetItemString(dict.ptr(), "__annotations__")) : py::object(), complete ? 0 : 500,
            [&](const std::string& attribute, py::handle annotation) {
              if (known(attribute)) return;
              Field field;
              field.name = attribute;
              field.type = reader.read(annotation, 1);
              info.fields.push_back(std::move(field));
            });
  each_item(dict, 500, [&](const std::string& attribute, py::handle value) {
    static constexpr const char* kPassed[] = {"__init__",          "__new__",           "__subclasshook__",
                                              "__class_getitem__", "__init_subclass__", "__post_init__",
                                              "__annotate__",      "__annotate_func__", "__replace__"};
    const bool dunder = attribute.starts_with("__");
    if (attribute.empty() || known(attribute) || (attribute[0] == '_' && !dunder) ||
        std::any_of(std::begin(kPassed), std::end(kPassed), [&](const char* p) { return attribute == p; }))
      return;
    const bool property = std::string(Py_TYPE(value.ptr())->tp_name) == "property";
    if (!property && PyFunction_Check(value.ptr()) == 0) return;
    if (!protocol && dunder && info.form == Form::dataclass && attribute != "__call__") return;  // dataclass wrote them
    Field field;
    field.name = attribute;
    field.method = !property;
    const py::object setter = property ? find_attribute(value, "fset") : py::object();
    field.read_only = !setter || setter.is_none();
    const py::object function = property ? find_attribute(value, "fget") : py::reinterpret_borrow<py::object>(value);
    const schema::Type call = callable_type(function, true, reader);
    field.type = property ? call.arguments.back() : call;
    info.fields.push_back(std::move(field));
  });
  // The attributes that __init__ may set exist, though their types are not known.
  const py::object init =
      dict && info.form == Form::plain ? own(PyMapping_GetItemString(dict.ptr(), "__init__")) : py::object();
  const py::object names = find_attribute(find_attribute(init, "__code__"), "co_names");
  for (Py_ssize_t i = 0; names && PyTuple_Check(names.ptr()) != 0 && i < PyTuple_GET_SIZE(names.ptr()) && i < 500;
       ++i) {
    Field field;
    field.name = text_of(PyTuple_GET_ITEM(names.ptr(), i));
    if (!field.name.empty() && field.name[0] != '_' && !known(field.name)) info.fields.push_back(std::move(field));
  }
}

}  // namespace qflow::pyhost
