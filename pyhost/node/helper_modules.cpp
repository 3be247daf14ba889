#include "pyhost/node/helper_modules.hpp"

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

// A finder and loader of PEP 302 and PEP 451, in Python because it is called from Python only.
constexpr const char* kFinder = R"(
import sys

ModuleSpec = type(sys.__spec__)


class Helpers:
    """Finds and loads the modules beside the nodes."""

    def __init__(self):
        self.sources = {}

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        package = any(other.startswith(name + ".") for other in self.sources)
        spec = ModuleSpec(name, self, origin=name.replace(".", "/") + ("/__init__.py" if package else ".py"), is_package=package)
        spec.has_location = True  # its file stands in tracebacks
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = compile(self.sources[module.__name__], module.__spec__.origin, "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def get_source(self, name):
        return self.sources[name]


helpers = Helpers()
sys.meta_path.insert(0, helpers)
)";

}  // namespace

void add_helper_module(const std::string& name, const std::string& source) {
  static PyObject* const kSources = [] {
    py::dict scope;
    scope["__name__"] = "_qflow_helpers";
    const auto done = py::reinterpret_steal<py::object>(PyRun_String(kFinder, Py_file_input, scope.ptr(), scope.ptr()));
    if (!done) throw py::error_already_set();
    return scope["helpers"].attr("sources").cast<py::object>().release().ptr();
  }();
  const py::str text(source);
  if (PyDict_SetItemString(kSources, name.c_str(), text.ptr()) != 0) throw py::error_already_set();
}

}  // namespace qflow::pyhost
