#include "pyhost/node/describe.hpp"

#include <pybind11/stl.h>

#include "analysis_py.hpp"
#include "pyhost/types/annotations.hpp"
#include "pyhost/values/preview.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

constexpr std::size_t kMostText = 512U << 10U;
bool forked = false;

}  // namespace

py::object analysis_module() {
  PyObject* loaded = PyImport_GetModuleDict();
  if (PyObject* found = PyDict_GetItemString(loaded, kAnalysisModule)) return py::reinterpret_borrow<py::object>(found);
  py::object module;
  for (const EmbeddedModule& one : kAnalysis) {
    const auto code = py::reinterpret_steal<py::object>(Py_CompileString(one.source, one.name, Py_file_input));
    if (!code) throw py::error_already_set();
    module = py::reinterpret_steal<py::object>(PyImport_ExecCodeModule(one.name, code.ptr()));
    if (!module) throw py::error_already_set();
  }
  return module;
}

std::optional<std::string> analyse(const std::string& source) {
  try {
    const py::object said = analysis_module().attr("analyse")(source);
    Preview preview = make_preview(said, kMostText);
    if (preview.truncated) return std::nullopt;
    return std::move(preview.json);
  } catch (py::error_already_set&) {
    return std::nullopt;  // the load that follows reports what is wrong
  }
}

std::vector<std::string> unused_functions(const std::string& source, const std::vector<std::string>& names) {
  return analysis_module().attr("unused")(source, names).cast<std::vector<std::string>>();
}

void add_docstring(schema::Function& function, const std::string& docstring) {
  try {
    const py::tuple said = analysis_module().attr("read_docstring")(docstring);
    const auto put = [](std::optional<std::string>& into, const std::string& text) {
      if (!text.empty()) into = text;
    };
    put(function.summary, text_of(said[0]));
    put(function.description, text_of(said[1]));
    put(function.returns_description, text_of(said[3]));
    const py::dict parameters = said[2];
    for (auto& parameter : function.parameters)
      if (PyObject* text = PyDict_GetItemString(parameters.ptr(), parameter.name.c_str()))
        put(parameter.description, text_of(text));
  } catch (const std::exception&) {
    PyErr_Clear();  // a docstring is no reason to fail
  }
}

void watch_forks() {
  forked = false;
  const py::object count = py::cpp_function([] { forked = true; });
  py::module_::import("os").attr("register_at_fork")(py::arg("after_in_parent") = count);
}

bool has_forked() { return forked; }

}  // namespace qflow::pyhost
