#include "pyhost/node/qflow_module.hpp"

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "pyhost/values/literals.hpp"
#include "qflow_module_py.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/write_json.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

PyObject* module_dict = nullptr;  // made in the zygote, shared by its workers
bool told_anything = false;       // by the call that runs now
std::function<void(const schema::Note&)>* teller = nullptr;

py::object name_of(const char* name) {
  return py::reinterpret_borrow<py::object>(PyDict_GetItemString(module_dict, name));
}

bool state_is_used() { return PyDict_GetItemString(module_dict, "_state") != Py_None; }

// Of a process that the node has forked, nobody hears.
void tell(const std::string& what, std::optional<double> fraction, std::optional<std::string> text,
          std::optional<std::string> level, const std::optional<std::string>& data) {
  told_anything = true;
  if (teller == nullptr) return;
  schema::Note note;
  note.what = what;
  note.fraction = fraction;
  note.text = std::move(text);
  note.level = std::move(level);
  if (data) {
    std::string error;
    note.data = schema::parse_json(*data, error, 60);
    if (!error.empty()) throw py::value_error("qflow." + what + ": " + error);
  }
  (*teller)(note);
}

}  // namespace

void prepare_qflow_module() {
  if (module_dict != nullptr) return;
  const py::object made = py::module_::import("types").attr("ModuleType")("qflow");
  const auto code =
      py::reinterpret_steal<py::object>(Py_CompileString(kQflowModule[0].source, kQflowModule[0].name, Py_file_input));
  if (!code) throw py::error_already_set();
  const py::object names = made.attr("__dict__");
  names["__builtins__"] = py::module_::import("builtins");  // Python 3.8 does not put it there
  const py::object json = py::module_::import("json");
  py::dict compact;
  compact["ensure_ascii"] = false;
  compact["allow_nan"] = false;
  compact["separators"] = py::make_tuple(",", ":");
  names["_dumps"] = json.attr("JSONEncoder")(**compact).attr("encode");
  names["_loads"] = json.attr("loads");
  names["_clock"] = py::module_::import("time").attr("monotonic");
  names["_tell"] = py::cpp_function(&tell);
  if (!py::reinterpret_steal<py::object>(PyEval_EvalCode(code.ptr(), names.ptr(), names.ptr())))
    throw py::error_already_set();
  if (PyDict_SetItemString(PyImport_GetModuleDict(), "qflow", made.ptr()) != 0) throw py::error_already_set();
  module_dict = py::object(names).release().ptr();
}

QflowModule::QflowModule(std::function<void(const schema::Note&)> tell) {
  delete teller;
  teller = new std::function<void(const schema::Note&)>(std::move(tell));
}

QflowModule::~QflowModule() {
  delete teller;
  teller = nullptr;
}

void QflowModule::set_execution(const schema::json::value& facts) {
  if (module_dict == nullptr) return;
  const py::str text(schema::write_json(facts));
  PyDict_SetItemString(module_dict, "_facts", text.ptr());
}

void QflowModule::take_state(const std::string& text) {
  if (module_dict != nullptr) name_of("_take_state")(text);
}

void QflowModule::begin_again() {
  if (module_dict != nullptr) name_of("_begin_again")();
  told_anything = false;
}

void QflowModule::begin() {
  if (std::exchange(told_anything, false)) name_of("_begin")();
}

std::vector<std::string> QflowModule::end(bool good) {
  std::vector<std::string> out;
  if (module_dict == nullptr) return out;
  if (state_is_used()) {
    const py::object changes = name_of("_changes")(good);
    if (!changes.is_none()) {
      const bool told = told_anything;
      tell("state", std::nullopt, std::nullopt, std::nullopt, changes.cast<std::string>());
      told_anything = told;
    }
  }
  if (told_anything) out = name_of("_finish")().cast<std::vector<std::string>>();
  return out;
}

}  // namespace qflow::pyhost
