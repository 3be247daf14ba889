#include "pyhost/process/preparation.hpp"

#include <pybind11/pybind11.h>

#include <stdexcept>

#include "pyhost/node/calls.hpp"
#include "pyhost/node/modules.hpp"
#include "pyhost/node/qflow_module.hpp"
#include "pyhost/flow/flow_nodes.hpp"
#include "pyhost/process/audit_hook.hpp"
#include "pyhost/process/interpreter.hpp"
#include "pyhost/values/passing.hpp"

namespace py = pybind11;

namespace qflow::pyhost {

void warm_up() {
  Modules modules;
  Calls calls;
  schema::Load load;
  load.file = "<warm-up>";
  modules.load(0, load, "def warm(x: int = 1) -> dict:\n    return {'x': [x, 'a', 1.5, None, True]}\n");
  schema::Call call;
  calls.run(1, call, *modules.find(0));
  modules.forget_all();
}

void prepare_worker_code(const sandbox::Policy& policy) {
  watch_audit_events(policy);
  try {
    if (!policy.programs) do_without_resource_tracker();
    prepare_flow_nodes();
    prepare_qflow_module();
    prepare_passing();
    // Show each line while a node runs, although its output goes to a pipe.
    const py::module_ sys = py::module_::import("sys");
    for (const char* name : {"stdout", "stderr"}) sys.attr(name).attr("reconfigure")(py::arg("line_buffering") = true);
    warm_up();
  } catch (py::error_already_set& error) {
    throw std::runtime_error(std::string("preparing workers: ") + error.what());
  }
}

}  // namespace qflow::pyhost
