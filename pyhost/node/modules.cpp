#include "pyhost/node/modules.hpp"

#include <algorithm>
#include <cctype>

#include "pyhost/node/describe.hpp"
#include "pyhost/types/signature.hpp"
#include "schema/text/module_name.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

py::object parent_package() {
  PyObject* loaded = PyImport_GetModuleDict();
  if (PyObject* found = PyDict_GetItemString(loaded, "nodes")) return py::reinterpret_borrow<py::object>(found);
  auto package = py::reinterpret_steal<py::object>(PyModule_New("nodes"));
  package.attr("__path__") = py::list();  // this makes a module a package
  package.attr("__doc__") = "The modules of this workflow's nodes.";
  PyDict_SetItemString(loaded, "nodes", package.ptr());
  return package;
}

// What linecache asks for the lines of a module that is in no file (PEP 302): tracebacks of the node's own and
// inspect.getsource() have them.
py::object loader_of(const std::string& source) {
  const py::object space = py::type::of(py::module_::import("sys").attr("implementation"));
  return space(py::arg("get_source") = py::cpp_function([source](const py::object&) { return source; }));
}

bool is_own_function(const std::string& name, py::handle value, const std::string& module) {
  if (name.empty() || name.front() == '_' || PyCallable_Check(value.ptr()) == 0 || PyType_Check(value.ptr()) != 0)
    return false;
  // A NewType and a Box[int] can be called as well, but are types.
  if (find_attribute(value, "__supertype__") || find_attribute(value, "__origin__")) return false;
  return text_of(find_attribute(value, "__module__")) == module;
}

// The attribute in the class's own __dict__, before any binding.
py::object named_in_class(const py::object& klass, const std::string& name) {
  auto found =
      py::reinterpret_steal<py::object>(PyMapping_GetItemString(find_attribute(klass, "__dict__").ptr(), name.c_str()));
  if (!found) PyErr_Clear();
  return found;
}

using Named = std::vector<std::pair<std::string, py::object>>;

Unusable no_function(const schema::Load& load, const Named& functions) {
  if (!load.function) return {"LookupError", "the code defines no function; a node needs one `def` at the top level"};
  std::string known;
  for (const auto& [name, function] : functions) known += (known.empty() ? "" : ", ") + name;
  return {"LookupError",
          "function '" + *load.function + "' is not defined; defined functions: " + (known.empty() ? "none" : known)};
}

std::string several(const Named& functions) {
  std::string names;
  for (const auto& [name, function] : functions) names += (names.empty() ? "" : ", ") + name;
  return "several functions could be the node's: " + names +
         "; name one with \"function\", call it main, or call it like the node";
}

bool is_named_like(const std::string& function, const std::string& stem) {
  return std::equal(function.begin(), function.end(), stem.begin(), stem.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

// Which of several is called, when the node does not say so: `main`, the one named like the node or its file, the only
// one that the others do not use. Null: that cannot be told.
const Named::value_type* chosen_of(const Named& functions, const schema::Load& load, const std::string& source) {
  if (functions.size() == 1) return &functions.front();
  for (const auto& one : functions)
    if (one.first == "main") return &one;
  for (const std::string& file : {load.name.value_or("") + ".py", load.file})
    for (const auto& one : functions)
      if (is_named_like(one.first, schema::module_name(file))) return &one;
  std::vector<std::string> names;
  for (const auto& one : functions) names.push_back(one.first);
  const std::vector<std::string> unused = unused_functions(source, names);
  for (const auto& one : functions)
    if (unused.size() == 1 && one.first == unused.front()) return &one;
  return nullptr;
}

}  // namespace

py::object Modules::new_module(const std::string& file, const std::string& source) {
  py::object package = parent_package();
  const std::string stem = schema::module_name(file);
  std::string name = stem;
  for (int i = 2; PyDict_GetItemString(PyImport_GetModuleDict(), ("nodes." + name).c_str()) != nullptr; ++i)
    name = stem + "_" + std::to_string(i);
  auto module = py::reinterpret_steal<py::object>(PyModule_New(("nodes." + name).c_str()));
  module.attr("__file__") = file;
  module.attr("__builtins__") = py::module_::import("builtins");
  module.attr("__loader__") = loader_of(source);
  // In sys.modules, because dataclasses, pickle and typing look their classes' module up there.
  PyDict_SetItemString(PyImport_GetModuleDict(), ("nodes." + name).c_str(), module.ptr());
  PyObject_SetAttrString(package.ptr(), name.c_str(), module.ptr());
  return module;
}

py::object compile_node(const std::string& file, const std::string& source) {
  if (source.find('\0') != std::string::npos) throw Unusable("SyntaxError", "the code contains a null byte");
  // The text is UTF-8, whatever a coding line in it says.
  PyCompilerFlags flags{};
  flags.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
  flags.cf_feature_version = PY_MINOR_VERSION;
  auto code = py::reinterpret_steal<py::object>(
      Py_CompileStringExFlags(source.c_str(), file.c_str(), Py_file_input, &flags, -1));
  if (!code) throw py::error_already_set();
  return code;
}

schema::Loaded Modules::load(std::uint32_t id, const schema::Load& load, const std::string& source) {
  Module& entry = modules_[id];
  entry.file = load.file;
  entry.source = source;
  const py::object code = compile_node(load.file, source);
  entry.module = new_module(load.file, source);
  const py::object globals = entry.module.attr("__dict__");
  const auto done = py::reinterpret_steal<py::object>(PyEval_EvalCode(code.ptr(), globals.ptr(), globals.ptr()));
  if (!done) throw py::error_already_set();

  if (load.describe && has_forked())
    throw Unusable("ForkedAtImport", "the module forks a process while it is imported; do that inside the function");
  return load.describe ? describe_all(entry, load) : take_function(entry, load);
}

// The functions of the module that can be called, in their order.
std::vector<std::pair<std::string, py::object>> Modules::own_functions(const Module& entry) {
  std::vector<std::pair<std::string, py::object>> out;
  const std::string module = text_of(entry.module.attr("__name__"));
  // Iterate over a copy: describing evaluates annotations, which may change the module's names.
  const auto names = py::reinterpret_steal<py::dict>(PyDict_Copy(entry.module.attr("__dict__").ptr()));
  for (const auto& [key, value] : names)
    if (const std::string name = text_of(key); is_own_function(name, value, module))
      out.emplace_back(name, py::reinterpret_borrow<py::object>(value));
  return out;
}

// "main", or "Greeter.greet": a method of an object made without arguments, unless the class itself offers it.
py::object Modules::named_function(const Module& entry, const std::string& name) {
  py::object at = entry.module;
  py::object owner;
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t dot = std::min(name.find('.', from), name.size());
    if (PyType_Check(at.ptr()) != 0) owner = at;
    at = find_attribute(at, name.substr(from, dot - from).c_str());
    if (!at) return {};
    from = dot + 1;
  }
  if (owner && PyFunction_Check(at.ptr()) != 0) {
    const std::string last = name.substr(name.rfind('.') + 1);
    const py::object as_defined = named_in_class(owner, last);
    const bool is_static = as_defined && Py_TYPE(as_defined.ptr()) == &PyStaticMethod_Type;
    if (!is_static) {
      const py::object made = owner();  // an error in the constructor is the node's
      at = find_attribute(made, last.c_str());
    }
  }
  return at && PyCallable_Check(at.ptr()) != 0 ? at : py::object();
}

schema::Loaded Modules::take_function(Module& entry, const schema::Load& load) {
  schema::Loaded out;
  const auto functions = own_functions(entry);
  py::object chosen;
  if (load.function) {
    chosen = named_function(entry, *load.function);
    out.function = *load.function;
  } else if (!functions.empty()) {
    const auto* found = chosen_of(functions, load, entry.source);
    if (found == nullptr) throw Unusable("LookupError", several(functions));
    std::tie(out.function, chosen) = *found;
  }
  if (!chosen) throw no_function(load, functions);
  choose(entry, chosen, describe_function(out.function, chosen, entry.classes, Detail::call));
  out.functions.push_back(entry.signature);
  if (!entry.classes.infos.empty()) out.classes = schema::to_json(entry.classes.infos);
  return out;
}

// Describes every function as fully as possible; here it is not an error if there is nothing to call.
schema::Loaded Modules::describe_all(Module& entry, const schema::Load& load) {
  schema::Loaded out;
  auto functions = own_functions(entry);
  if (load.function) {
    const py::object named = named_function(entry, *load.function);
    if (!named) throw no_function(load, functions);
    out.function = *load.function;
    std::erase_if(functions, [&](const auto& one) { return one.first == *load.function; });
    functions.insert(functions.begin(), {*load.function, named});
  } else if (!functions.empty()) {
    if (const auto* found = chosen_of(functions, load, entry.source)) out.function = found->first;
    else out.warnings.push_back(several(functions));
  }
  for (const auto& [name, function] : functions) {
    if (out.functions.size() == 200) break;
    schema::Function one = describe_function(name, function, entry.classes, Detail::full);
    add_docstring(one, docstring_of(function));
    out.functions.push_back(std::move(one));
  }
  if (const auto& notes = entry.classes.unresolved; !notes.empty())
    out.unresolved = std::vector<std::string>(notes.begin(), notes.end());
  if (!entry.classes.infos.empty()) out.classes = schema::to_json(entry.classes.infos);
  return out;
}

void Modules::choose(Module& entry, py::object function, schema::Function signature) {
  entry.wrapped = static_cast<bool>(find_attribute(function, "__wrapped__"));
  const py::object code = entry.wrapped ? find_attribute(function, "__code__") : py::object();
  entry.by_position = code && (code.attr("co_flags").cast<int>() & CO_VARARGS) != 0;
  entry.function = std::move(function);
  const auto type_of = [](const std::optional<schema::json::value>& shape) {
    return shape ? schema::type_from_json(*shape) : schema::Type::any();
  };
  for (const auto& parameter : signature.parameters) entry.inputs.push_back(type_of(parameter.shape));
  entry.positional = type_of(signature.positional_shape);
  entry.named = type_of(signature.named_shape);
  // A decorator may return another type than the function that it wraps: only the value itself tells.
  if (entry.wrapped && PyFunction_Check(entry.function.ptr()) != 0) signature.returns_shape.reset();
  entry.output = type_of(signature.returns_shape);
  entry.signature = std::move(signature);
}

const Module* Modules::find(std::uint32_t id) const {
  const auto found = modules_.find(id);
  return found == modules_.end() || !found->second.function ? nullptr : &found->second;
}

const std::string* Modules::source_of(const std::string& file) const {
  for (const auto& [id, module] : modules_)
    if (module.file == file) return &module.source;
  for (const Module& module : before_)
    if (module.file == file) return &module.source;
  return nullptr;
}

void Modules::begin_again() {
  for (auto& [id, module] : modules_) {
    std::erase_if(before_, [&file = module.file](const Module& other) { return other.file == file; });
    before_.push_back(std::move(module));
  }
  modules_.clear();
}

void Modules::forget_all() {
  PyObject* loaded = PyImport_GetModuleDict();
  for (const auto& [id, module] : modules_)
    if (module.module) PyDict_DelItem(loaded, module.module.attr("__name__").ptr());
  modules_.clear();
  if (PyDict_GetItemString(loaded, "nodes") != nullptr) PyDict_DelItemString(loaded, "nodes");
}

}  // namespace qflow::pyhost
