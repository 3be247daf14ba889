#include "pyhost/flow/flow_nodes.hpp"

#include <pybind11/stl.h>

#include "flow_nodes_py.hpp"
#include "pyhost/values/literals.hpp"

namespace py = pybind11;

namespace qflow::pyhost {
namespace {

PyObject* flow_module = nullptr;  // made in the zygote, shared by its workers

py::object flow_name(const char* name) { return py::reinterpret_borrow<py::object>(flow_module).attr(name); }

}  // namespace

void prepare_flow_nodes() {
  if (flow_module != nullptr) return;
  py::object made = py::module_::import("types").attr("ModuleType")(kFlowNodes[0].name);
  const auto code =
      py::reinterpret_steal<py::object>(Py_CompileString(kFlowNodes[0].source, kFlowNodes[0].name, Py_file_input));
  if (!code) throw py::error_already_set();
  const py::object names = made.attr("__dict__");
  names["__builtins__"] = py::module_::import("builtins");  // Python 3.8 does not put it there
  names["compile_expression"] = py::cpp_function([](const std::string& text, const std::string& file) {
    if (text.find('\0') != std::string::npos) throw py::value_error("source code string cannot contain null bytes");
    auto made_code = py::reinterpret_steal<py::object>(Py_CompileString(text.c_str(), file.c_str(), Py_eval_input));
    if (!made_code) throw py::error_already_set();
    return made_code;
  });
  if (!py::reinterpret_steal<py::object>(PyEval_EvalCode(code.ptr(), names.ptr(), names.ptr())))
    throw py::error_already_set();
  flow_module = made.release().ptr();
}

void FlowNodes::set_execution(const schema::json::value& facts) { facts_ = facts; }

schema::Loaded FlowNodes::load(std::uint32_t id, const schema::Load& load) {
  const py::object said = to_python(*load.flow);
  Node node;
  node.file = load.file;
  node.node = flow_name("make")(said, load.file);
  if (const schema::json::value* loop = load.flow->get_object().if_contains("loop"))
    node.loop = static_cast<std::uint32_t>(loop->to_number<std::int64_t>());
  nodes_[id] = std::move(node);
  schema::Loaded out;
  out.function = "flow";
  schema::Function function;
  function.name = "flow";
  function.var_keyword = true;
  out.functions.push_back(std::move(function));
  return out;
}

py::object FlowNodes::results(std::uint32_t id) const { return nodes_.at(id).node.attr("found"); }

void FlowNodes::add_results(std::uint32_t id, const py::object& more) {
  nodes_.at(id).node.attr("found").attr("update")(more);
}

void FlowNodes::begin_again() {
  nodes_.clear();
  execution_ = py::object();
}

FlowAnswer FlowNodes::run(std::uint32_t id, const std::vector<std::pair<std::string, py::object>>& inputs, bool again,
                          std::optional<std::int64_t> at) {
  const Node& node = nodes_.at(id);
  if (!execution_) execution_ = flow_name("Execution")(facts_.is_object() ? to_python(facts_) : py::object(py::dict()));
  py::dict by_port;
  for (const auto& [port, value] : inputs) by_port[py::str(port)] = value;
  py::object loop = py::none();
  if (node.loop)
    if (const auto around = nodes_.find(*node.loop); around != nodes_.end()) loop = around->second.node;
  const py::object answer =
      flow_name("run")(node.node, by_port, again, loop, execution_, at ? py::object(py::int_(*at)) : py::none());
  FlowAnswer out;
  out.value = answer.attr("value");
  out.shown = answer.attr("shown");
  out.brief = answer.attr("brief").cast<bool>();
  if (const py::object live = answer.attr("live"); !live.is_none()) out.live = live.cast<std::vector<std::int32_t>>();
  if (const py::object left = answer.attr("left"); !left.is_none()) out.left = left.cast<std::uint64_t>();
  return out;
}

}  // namespace qflow::pyhost
