#include "pyhost/modules.hpp"

#include <cctype>

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

std::string text_of(py::handle object) {
  if (PyUnicode_Check(object.ptr()) == 0) return {};
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    return {};
  }
  return {text, static_cast<std::size_t>(size)};
}

py::object attribute(py::handle object, const char* name) {
  PyObject* value = PyObject_GetAttrString(object.ptr(), name);
  if (value == nullptr) {
    PyErr_Clear();
    return py::none();
  }
  return py::reinterpret_steal<py::object>(value);
}

// "list[int]" as it would be written: classes by name, everything else by repr without the typing prefix.
std::string annotation_text(py::handle annotation) {
  if (PyUnicode_Check(annotation.ptr()) != 0) return text_of(annotation);
  if (annotation.is_none()) return "None";
  if (PyType_Check(annotation.ptr()) != 0 && attribute(annotation, "__args__").is_none()) {
    const std::string module = text_of(attribute(annotation, "__module__"));
    const std::string name = text_of(attribute(annotation, "__qualname__"));
    return module == "builtins" || module.starts_with("nodes.") ? name : module + "." + name;
  }
  const py::object repr = py::reinterpret_steal<py::object>(PyObject_Repr(annotation.ptr()));
  if (!repr) {
    PyErr_Clear();
    return {};
  }
  std::string text = text_of(repr);
  for (std::size_t at = 0; (at = text.find("typing.", at)) != std::string::npos;) text.erase(at, 7);
  return text;
}

// "Clean Text" → "clean_text"; the stem of "lib/clean.py" → "clean".
std::string module_name(std::string file) {
  if (file.size() > 3 && file.ends_with(".py")) file.resize(file.size() - 3);
  if (const auto slash = file.rfind('/'); slash != std::string::npos) file.erase(0, slash + 1);
  std::string name;
  for (const char c : file) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0 && u < 0x80) name += static_cast<char>(std::tolower(u));
    else if (!name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) name.insert(0, "node_");
  return name;
}

py::object parent_package() {
  PyObject* loaded = PyImport_GetModuleDict();
  if (PyObject* found = PyDict_GetItemString(loaded, "nodes")) return py::reinterpret_borrow<py::object>(found);
  auto package = py::reinterpret_steal<py::object>(PyModule_New("nodes"));
  package.attr("__path__") = py::list();  // what makes a module a package
  package.attr("__doc__") = "The modules of this workflow's nodes.";
  PyDict_SetItemString(loaded, "nodes", package.ptr());
  return package;
}

bool is_own_function(const std::string& name, py::handle value, const std::string& module) {
  if (name.empty() || name.front() == '_' || PyCallable_Check(value.ptr()) == 0 || PyType_Check(value.ptr()) != 0)
    return false;
  return text_of(attribute(value, "__module__")) == module;
}

}  // namespace

schema::Function describe_function(const std::string& name, py::handle function) {
  schema::Function out;
  out.name = name;
  // functools.wraps leaves the wrapped function here; a chain is followed as inspect.unwrap does, but bounded.
  py::object target = py::reinterpret_borrow<py::object>(function);
  for (int i = 0; i < 64; ++i) {
    py::object inner = attribute(target, "__wrapped__");
    if (inner.is_none()) break;
    target = std::move(inner);
  }
  if (PyFunction_Check(target.ptr()) == 0) {
    out.var_positional = out.var_keyword = true;  // nothing to look into: accept what is given
    return out;
  }
  const py::object code = attribute(target, "__code__");
  const py::tuple names = code.attr("co_varnames");
  const auto count = [&](const char* what) { return code.attr(what).cast<std::size_t>(); };
  const std::size_t positional = count("co_argcount"), only = count("co_posonlyargcount"),
                    keyword = count("co_kwonlyargcount");
  const auto flags = code.attr("co_flags").cast<int>();
  out.var_positional = (flags & CO_VARARGS) != 0;
  out.var_keyword = (flags & CO_VARKEYWORDS) != 0;
  const py::object defaults = attribute(target, "__defaults__");
  const std::size_t with_default = defaults.is_none() ? 0 : py::len(defaults);
  const py::object keyword_defaults = attribute(target, "__kwdefaults__");
  const py::object annotations = attribute(target, "__annotations__");
  const auto annotated = [&](const char* key) -> std::string {
    if (PyDict_Check(annotations.ptr()) == 0) return {};
    PyObject* found = PyDict_GetItemString(annotations.ptr(), key);
    return found == nullptr ? std::string() : annotation_text(found);
  };
  for (std::size_t i = 0; i < positional + keyword; ++i) {
    schema::Parameter parameter;
    parameter.name = text_of(names[i]);
    parameter.kind = i < only ? "positional" : i < positional ? "either" : "keyword";
    parameter.required =
        i < positional ? i + with_default < positional
                       : keyword_defaults.is_none() || PyDict_Contains(keyword_defaults.ptr(), names[i].ptr()) != 1;
    parameter.type = annotated(parameter.name.c_str());
    out.parameters.push_back(std::move(parameter));
  }
  out.returns = annotated("return");
  return out;
}

py::object Modules::new_module(const std::string& file) {
  py::object package = parent_package();
  const std::string stem = module_name(file);
  std::string name = stem;
  for (int i = 2; PyDict_GetItemString(PyImport_GetModuleDict(), ("nodes." + name).c_str()) != nullptr; ++i)
    name = stem + "_" + std::to_string(i);
  auto module = py::reinterpret_steal<py::object>(PyModule_New(("nodes." + name).c_str()));
  module.attr("__file__") = file;
  module.attr("__builtins__") = py::module_::import("builtins");
  // In sys.modules, because dataclasses, pickle and typing look their classes' module up there.
  PyDict_SetItemString(PyImport_GetModuleDict(), ("nodes." + name).c_str(), module.ptr());
  PyObject_SetAttrString(package.ptr(), name.c_str(), module.ptr());
  return module;
}

schema::Loaded Modules::load(std::uint32_t id, const schema::Load& load, const std::string& source) {
  Module& entry = modules_[id];
  entry.file = load.file;
  entry.source = source;
  if (source.find('\0') != std::string::npos) throw Unusable("SyntaxError", "the code contains a null byte");
  // The text is UTF-8, whatever a coding line in it says.
  PyCompilerFlags flags{};
  flags.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
  flags.cf_feature_version = PY_MINOR_VERSION;
  const auto code = py::reinterpret_steal<py::object>(
      Py_CompileStringExFlags(source.c_str(), load.file.c_str(), Py_file_input, &flags, -1));
  if (!code) throw py::error_already_set();
  entry.module = new_module(load.file);
  const py::object globals = entry.module.attr("__dict__");
  const auto done = py::reinterpret_steal<py::object>(PyEval_EvalCode(code.ptr(), globals.ptr(), globals.ptr()));
  if (!done) throw py::error_already_set();

  schema::Loaded out;
  const std::string module = text_of(entry.module.attr("__name__"));
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  py::object chosen;
  while (PyDict_Next(globals.ptr(), &at, &key, &value) != 0) {
    const std::string name = text_of(key);
    const bool wanted = load.function && name == *load.function && PyCallable_Check(value) != 0;
    if (!wanted && !is_own_function(name, value, module)) continue;
    out.functions.push_back(describe_function(name, value));
    if (wanted || (!load.function && !chosen)) {
      chosen = py::reinterpret_borrow<py::object>(value);
      out.function = name;
      entry.signature = out.functions.back();
    }
  }
  if (!chosen && !load.describe_only) {
    if (load.function) {
      std::string known;
      for (const auto& function : out.functions) known += (known.empty() ? "" : ", ") + function.name;
      throw Unusable("LookupError", "function '" + *load.function +
                                        "' is not defined; defined are: " + (known.empty() ? "none" : known));
    }
    throw Unusable("LookupError", "the code defines no function; a node needs one `def` at the top level");
  }
  if (!load.function && out.functions.size() > 1)
    out.warnings.push_back("several functions are defined; '" + out.function +
                           "', the first, is called. Name another with \"function\"");
  entry.function = std::move(chosen);
  return out;
}

const Module* Modules::find(std::uint32_t id) const {
  const auto found = modules_.find(id);
  return found == modules_.end() || !found->second.function ? nullptr : &found->second;
}

const std::string* Modules::source_of(const std::string& file) const {
  for (const auto& [id, module] : modules_)
    if (module.file == file) return &module.source;
  return nullptr;
}

void Modules::forget_all() {
  PyObject* loaded = PyImport_GetModuleDict();
  for (const auto& [id, module] : modules_)
    if (module.module) PyDict_DelItem(loaded, module.module.attr("__name__").ptr());
  modules_.clear();
  if (PyDict_GetItemString(loaded, "nodes") != nullptr) PyDict_DelItemString(loaded, "nodes");
}

}  // namespace qflow::pyhost
