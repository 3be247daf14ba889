#include "pyhost/node/calls.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "pyhost/types/from_json.hpp"
#include "pyhost/values/literals.hpp"
#include "pyhost/values/offers.hpp"
#include "pyhost/node/own_copy.hpp"
#include "pyhost/values/preview.hpp"
#include "pyhost/values/structure.hpp"
#include "schema/text/utf8.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

// Whether to check values against their declared types, and what to do with values that do not fit inside.
enum class Checking { off, warn, strict };

Checking checking_of(const std::string& word) {
  return word == "off" ? Checking::off : word == "strict" ? Checking::strict : Checking::warn;
}

struct Bound {
  std::vector<py::object> positional;
  std::map<std::string, py::object> named;
  std::set<std::string> literals;  ///< the names of the arguments that came as JSON
};

const schema::Parameter* parameter_of(const schema::Function& function, const std::string& name) {
  for (const auto& parameter : function.parameters)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

// A dict whose keys cover all required parameters is given by name; anything else is the first parameter's value
// (daemon/flow/README.md, "Binding", rules 4 and 7).
bool spread_by_name(const py::object& value, const schema::Function& function, Bound& bound,
                    std::vector<std::string>& warnings) {
  if (PyDict_Check(value.ptr()) == 0) return false;
  for (const auto& parameter : function.parameters)
    if (parameter.required && bound.named.count(parameter.name) == 0 &&
        PyDict_GetItemString(value.ptr(), parameter.name.c_str()) == nullptr)
      return false;
  std::string ignored;
  PyObject *key = nullptr, *item = nullptr;
  Py_ssize_t at = 0;
  bool any = false;
  while (PyDict_Next(value.ptr(), &at, &key, &item) != 0) {
    if (PyUnicode_Check(key) == 0) continue;
    const char* text = PyUnicode_AsUTF8(key);
    if (text == nullptr) {
      PyErr_Clear();
      continue;
    }
    const auto* parameter = parameter_of(function, text);
    if (parameter == nullptr && !function.var_keyword) ignored += (ignored.empty() ? "" : ", ") + std::string(text);
    else any = bound.named.emplace(text, py::reinterpret_borrow<py::object>(item)).second || any;
  }
  if (!any) return false;
  if (!ignored.empty()) warnings.push_back("ignored the input's keys that match no parameter: " + ignored);
  return true;
}

// sys.exit() or sys.exit(0), as at the end of a script: nothing went wrong. Clears it then.
bool is_good_exit() {
  if (PyErr_ExceptionMatches(PyExc_SystemExit) == 0) return false;
  py::error_already_set exit;
  const py::object code = py::getattr(exit.value(), "code", py::none());
  if (code.is_none() || (PyLong_CheckExact(code.ptr()) != 0 && PyLong_AsLong(code.ptr()) == 0)) return true;
  exit.restore();
  return false;
}

py::object invoke(const Module& module, Bound& bound) {
  const schema::Function& function = module.signature;
  std::vector<py::object> positional;
  const bool extras = !bound.positional.empty();
  bool gap = false;
  for (const auto& parameter : function.parameters) {
    const bool either = parameter.kind == "either";
    const bool by_position =
        parameter.kind == "positional" || (extras && either) || (module.by_position && either && !gap);
    const auto found = bound.named.find(parameter.name);
    if (found == bound.named.end()) {
      if (parameter.required)
        throw Unusable("TypeError", "missing argument '" + parameter.name + "' of function " + function.name);
      gap = gap || by_position;
      continue;
    }
    if (!by_position) continue;
    if (gap)
      throw Unusable("TypeError",
                     "argument '" + parameter.name + "' can only be given by position, and one before it is missing");
    positional.push_back(std::move(found->second));
    bound.named.erase(found);
  }
  for (auto& extra : bound.positional) positional.push_back(std::move(extra));
  const py::tuple arguments(positional.size());
  for (std::size_t i = 0; i < positional.size(); ++i)
    PyTuple_SET_ITEM(arguments.ptr(), i, positional[i].release().ptr());
  py::object keywords;
  if (!bound.named.empty()) {
    py::dict dict;
    for (auto& [name, value] : bound.named) PyDict_SetItemString(dict.ptr(), name.c_str(), value.ptr());
    keywords = std::move(dict);
  }
  bound.named.clear();
  auto value = py::reinterpret_steal<py::object>(PyObject_Call(module.function.ptr(), arguments.ptr(), keywords.ptr()));
  if (value) return value;
  if (is_good_exit()) return py::none();
  throw py::error_already_set();
}

py::object collect_async(const py::object& generator) {
  py::dict scope;
  const auto done = py::reinterpret_steal<py::object>(
      PyRun_String("async def collect(generator):\n    return [one async for one in generator]\n", Py_file_input,
                   scope.ptr(), scope.ptr()));
  if (!done) throw py::error_already_set();
  return scope["collect"](generator);
}

// Whether an iterator is nothing but that (a map, a csv.DictReader): one that can be read otherwise, such as an open
// file or a database cursor, passes as it is.
bool only_iterates(const py::object& value) {
  for (const char* other : {"read", "write", "fetchone", "send"})
    if (find_attribute(value, other)) return false;
  return true;
}

// Runs a coroutine to its end, and collects a generator or another iterator into a list: the value that passes on can
// be read more than once.
py::object settle(py::object value, const Module& module) {
  if (PyAsyncGen_CheckExact(value.ptr()) != 0) value = collect_async(value);
  if (PyCoro_CheckExact(value.ptr()) != 0) value = py::module_::import("asyncio").attr("run")(value);
  const bool iterator = module.output.is("collections.abc.Iterable") || module.signature.is_generator.value_or(false);
  if (PyGen_CheckExact(value.ptr()) != 0 || (PyIter_Check(value.ptr()) != 0 && (iterator || only_iterates(value)))) {
    const std::string type = type_name(value);
    if (type == "itertools.count" || type == "itertools.cycle")
      throw BadOutput("EndlessIterator",
                      "output: " + type + " never ends; take a part of it, as with itertools.islice");
    auto list = py::reinterpret_steal<py::object>(PySequence_List(value.ptr()));
    if (!list) throw py::error_already_set();
    return list;
  }
  return value;
}

}  // namespace

std::optional<std::uint32_t> Calls::failed_input(const schema::Call& call) const {
  for (const auto& argument : call.arguments)
    if (argument.handle && values_.count(*argument.handle) == 0) return argument.handle;
  return std::nullopt;
}

const std::string* Calls::find_lost(const schema::Call& call) const {
  for (const schema::Argument& argument : call.arguments)
    if (const auto found = lost_.find(argument.handle.value_or(0)); argument.handle && found != lost_.end())
      return &found->second;
  return nullptr;
}

py::object Calls::value_of(const schema::Argument& argument, std::vector<std::string>* warnings) const {
  if (!argument.handle) return to_python(argument.literal ? *argument.literal : schema::json::value());
  const py::object& kept = values_.at(*argument.handle);
  bool heavy = false;
  const bool shared = argument.copy.value_or(false);
  const bool own = shared || (again_later_ && inexact_.count(*argument.handle) != 0);
  const py::object value = own ? own_copy(kept, heavy) : kept;
  if (heavy && shared && warnings != nullptr)
    warnings->push_back(
        "input '" + argument.name.value_or("*args") + "' (" + type_name(kept) +
        ") is too large to be copied, and other nodes take the same value: if it is changed here, they see that");
  if (!argument.item) return value;
  // One of several declared outputs: by index from a tuple or list of that length, or by name from a dict.
  if (PyDict_Check(value.ptr()) != 0 && argument.key) {
    PyObject* found = PyDict_GetItemString(value.ptr(), argument.key->c_str());
    if (found == nullptr) throw Unusable("KeyError", "the source node's value has no output '" + *argument.key + "'");
    return py::reinterpret_borrow<py::object>(found);
  }
  if (PyTuple_Check(value.ptr()) != 0 && argument.key && find_attribute(value, "_fields"))
    if (py::object named = find_attribute(value, argument.key->c_str())) return named;  // a NamedTuple, by name
  const bool sequence = PyTuple_Check(value.ptr()) != 0 || PyList_Check(value.ptr()) != 0;
  const Py_ssize_t size = sequence ? PySequence_Size(value.ptr()) : -1;
  if (!sequence || (argument.width && size != *argument.width) || *argument.item < 0 || *argument.item >= size)
    throw Unusable("TypeError",
                   "the source node declares " + std::to_string(argument.width.value_or(0)) +
                       " outputs, so it must return a tuple or list of that length, or a dict with their names");
  return py::reinterpret_steal<py::object>(PySequence_GetItem(value.ptr(), *argument.item));
}

// The type that the code declares, or else the type that the workflow declares for the port.
schema::Type settled_type(const schema::Type& annotated, const schema::Call& call, const std::string& port) {
  if (annotated.kind != schema::Type::Kind::any || !call.declared || !call.declared->is_object()) return annotated;
  const auto* shape = call.declared->get_object().if_contains(port);
  return shape == nullptr ? annotated : schema::type_from_json(*shape);
}

// Converts each argument to the type that its parameter declares, where the rules allow that, and checks it.
void take_types(const schema::Call& call, const Module& module, Bound& bound, std::vector<std::string>& warnings) {
  const Checking checking = checking_of(call.types);
  TypeCheck types(module.classes);
  const Conversions conversions(types);
  FromJson literals(types);
  const auto take = [&](py::object& value, const schema::Type& declared, bool literal, const std::string& name) {
    if (declared.kind == schema::Type::Kind::any && declared.limits.empty()) return;
    value = literal ? literals.make(std::move(value), declared) : conversions.pass(std::move(value), declared);
    if (checking == Checking::off) return;
    const auto mismatch = types.check(value, declared);
    if (!mismatch) return;
    const std::string text = "input '" + name + "'" + (mismatch->path.empty() ? ": " : " ") + mismatch->text();
    if ((mismatch->outer && !module.wrapped) || checking == Checking::strict) throw Unusable("TypeMismatch", text);
    warnings.push_back(text);
  };
  for (std::size_t i = 0; i < module.inputs.size(); ++i) {
    const std::string& name = module.signature.parameters[i].name;
    const auto found = bound.named.find(name);
    if (found != bound.named.end())
      take(found->second, settled_type(module.inputs[i], call, "in " + name), bound.literals.count(name) != 0, name);
  }
  if (module.signature.var_keyword)
    for (auto& [name, value] : bound.named)
      if (parameter_of(module.signature, name) == nullptr)
        take(value, settled_type(module.named, call, "in " + name), bound.literals.count(name) != 0, name);
  for (std::size_t i = 0; i < bound.positional.size(); ++i)
    take(bound.positional[i], module.positional, bound.literals.count("*args") != 0, "*args/" + std::to_string(i));
}

void check_output(const py::object& value, const schema::Call& call, const Module& module,
                  std::vector<std::string>& warnings) {
  const Checking checking = checking_of(call.types);
  const schema::Type declared = settled_type(module.output, call, "out");
  if (checking == Checking::off || declared.kind == schema::Type::Kind::any) return;
  const auto mismatch = TypeCheck(module.classes).check(value, declared);
  if (!mismatch) return;
  const std::string text = std::string("output") + (mismatch->path.empty() ? ": " : " ") + mismatch->text();
  if ((mismatch->outer && !module.wrapped) || checking == Checking::strict) throw BadOutput("TypeMismatch", text);
  warnings.push_back(text);
}

// Threads that the node started and left running: what they do then is nobody's, and may fall on another node.
void name_threads(std::vector<std::string>& warnings) {
  PyObject* threading = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  if (threading == nullptr) return;
  try {
    const py::object main = py::handle(threading).attr("main_thread")();
    std::string names;
    for (const py::handle one : py::handle(threading).attr("enumerate")())
      if (!one.is(main)) names += (names.empty() ? "" : ", ") + schema::cut(text_of(one.attr("name")), 60);
    if (!names.empty())
      warnings.push_back("it left threads running: " + schema::cut(names, 300) + "; join them before it returns");
  } catch (const std::exception&) {
    PyErr_Clear();
  }
}

schema::Result Calls::run(std::uint32_t id, const schema::Call& call, const Module& module) {
  const Stopwatch watch;
  again_later_ = call.again_later.value_or(false);
  schema::Result out;
  Bound bound;
  for (const auto& argument : call.arguments)
    if (argument.name && !(call.spread && argument.handle)) {
      bound.named[*argument.name] = value_of(argument, &out.warnings);
      if (!argument.handle) bound.literals.insert(*argument.name);
    }
  for (const auto& argument : call.arguments) {
    if (call.spread && argument.handle) {
      py::object value = value_of(argument, &out.warnings);
      if (spread_by_name(value, module.signature, bound, out.warnings)) continue;
      if (argument.name) bound.named[*argument.name] = std::move(value);
    } else if (!argument.name) {
      bound.positional.push_back(value_of(argument, &out.warnings));
      if (!argument.handle) bound.literals.insert("*args");  // the execution's input, then the only argument
    }
  }
  take_types(call, module, bound, out.warnings);
  py::object value = settle(invoke(module, bound), module);
  check_output(value, call, module, out.warnings);
  name_threads(out.warnings);
  out.duration_us = watch.microseconds();
  show(id, value, call, out);
  if ((call.several.value_or(false) || (again_later_ && !out.exact)) && is_heavy(value)) out.heavy = true;
  values_[id] = std::move(value);
  return out;
}

schema::Result Calls::run(std::uint32_t id, const schema::Call& call, FlowNodes& nodes) {
  const Stopwatch watch;
  again_later_ = call.again_later.value_or(false);
  schema::Result out;
  std::vector<std::pair<std::string, py::object>> inputs;
  for (const auto& argument : call.arguments) inputs.emplace_back(argument.name.value_or(""), value_of(argument));
  FlowAnswer answer = nodes.run(call.module, inputs, call.again.value_or(false), call.at);
  out.duration_us = watch.microseconds();
  if (answer.brief && call.brief.value_or(false)) {
    out.preview = "null";
    out.exact = false;
    out.type = type_name(answer.shown);
  } else {
    show(id, answer.shown, call, out);
  }
  if ((call.several.value_or(false) || (again_later_ && !out.exact)) && is_heavy(answer.shown)) out.heavy = true;
  out.live = std::move(answer.live);
  out.left = answer.left;
  values_[id] = std::move(answer.value);
  return out;
}

// Type, preview and files of a value.
void Calls::show(std::uint32_t id, const py::object& value, const schema::Call& call, schema::Result& out) {
  Preview preview = make_preview(value, call.preview_bytes);
  out.preview = std::move(preview.json);
  out.exact = preview.exact;
  out.truncated = preview.truncated;
  if (out.exact && !out.truncated) inexact_.erase(id);
  else inexact_.insert(id);
  if (!out.exact && !out.truncated)
    if (std::string where = find_inexact(value); !where.empty()) out.inexact_at = std::move(where);
  out.type = type_name(value);
  if (call.files && out.truncated) out.least_bytes = least_json_bytes(value);
  if (call.files) {
    Offers offers = find_files(value);
    if (!offers.problem.empty()) throw BadOutput("FileNotHandedOver", offers.problem);
    for (std::string& warning : offers.warnings) out.warnings.push_back(std::move(warning));
    out.files = std::move(offers.files);
    files_[id] = std::move(offers.paths);
  }
}

void Calls::fail(std::uint32_t id, const schema::Call& call, schema::Raised& raised) {
  values_.erase(id);
  if (!call.keep_error) return;
  try {
    py::dict input, error, value;
    for (const auto& argument : call.arguments)
      if (argument.name) input[py::str(*argument.name)] = value_of(argument);
    error["type"] = raised.type;
    error["message"] = raised.message;
    error["traceback"] = raised.traceback;
    error["line"] = raised.line ? py::object(py::int_(*raised.line)) : py::none();
    error["node"] = *call.keep_error;
    value["error"] = error;
    value["input"] = input;
    Preview preview = make_preview(value, call.preview_bytes);
    raised.preview = std::move(preview.json);
    raised.exact = preview.exact;
    raised.truncated = preview.truncated;
    values_[id] = std::move(value);
  } catch (const std::exception&) {  // no memory: what takes it is skipped
    PyErr_Clear();
  }
}

void Calls::adopt(const schema::Adopt& adopt) {
  std::unordered_map<std::uint32_t, py::object> values;
  std::unordered_set<std::uint32_t> inexact;
  for (std::size_t i = 0; i < std::min(adopt.from.size(), adopt.to.size()); ++i)
    if (auto found = values_.find(adopt.from[i]); found != values_.end()) {
      values[adopt.to[i]] = std::move(found->second);
      if (inexact_.count(adopt.from[i]) != 0) inexact.insert(adopt.to[i]);
    }
  values_ = std::move(values);
  inexact_ = std::move(inexact);
  files_.clear();
  lost_.clear();
}

const py::object* Calls::value(std::uint32_t id) const {
  const auto found = values_.find(id);
  return found == values_.end() ? nullptr : &found->second;
}

const PathList* Calls::files_of(std::uint32_t id) const {
  const auto found = files_.find(id);
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace qflow::pyhost
