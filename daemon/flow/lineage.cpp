#include "daemon/flow/lineage.hpp"

#include <boost/json/serialize.hpp>

#include <deque>
#include <vector>

#include "daemon/base/fingerprint.hpp"

namespace qflow::flow {
namespace {

std::string text_of(const SandboxRequest& request) {
  const auto part = [](const auto& value) {
    return value ? std::to_string(static_cast<double>(*value)) : std::string("-");
  };
  return part(request.network) + part(request.memory) + part(request.cpu) + part(request.time) + part(request.tmp) +
         part(request.processes) + part(request.programs);
}

std::string definition_of(const Node& node) {
  Fingerprint print;
  print.add(node.id).add(node.name).add(node.type).add(std::to_string(static_cast<int>(node.role)));
  print.add(node.code).add(node.file).add(node.function.value_or("")).add(node.python_version.value_or(""));
  print.add(json::serialize(node.control_parameters)).add(json::serialize(node.literals));
  print.add(std::to_string(static_cast<int>(node.on_error))).add(text_of(node.sandbox));
  for (const std::string& port : node.ports) print.add("port").add(port);
  for (const std::string& output : node.outputs) print.add("output").add(output);
  for (const auto& [port, type] : node.port_types) print.add(port).add(type);
  return print.bytes();
}

void add_edge(Fingerprint& print, const Edge& edge, const std::string& from) {
  print.add(from).add(std::to_string(edge.output)).add(std::to_string(edge.input));
  print.add(edge.output_port.value_or("")).add(edge.input_port.value_or(""));
}

}  // namespace

std::map<std::string, std::string> lineages(const Graph& graph) {
  Fingerprint common;
  common.add(graph.python_version.value_or("")).add(graph.container).add(text_of(graph.sandbox));
  for (const auto& [name, source] : graph.modules) common.add(name).add(source);
  const std::string around = common.bytes();
  const std::size_t count = graph.nodes.size();
  std::vector<std::vector<const Edge*>> in(count), out(count);
  std::vector<std::size_t> open(count, 0);
  for (const Edge& edge : graph.edges) {
    in[edge.to].push_back(&edge);
    out[edge.from].push_back(&edge);
    ++open[edge.to];
  }
  std::vector<std::string> prints(count);
  std::deque<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i)
    if (open[i] == 0) ready.push_back(i);
  for (; !ready.empty(); ready.pop_front()) {
    const std::size_t i = ready.front();
    Fingerprint print;
    print.add(around).add(definition_of(graph.nodes[i]));
    for (const Edge* edge : in[i]) add_edge(print, *edge, prints[edge->from]);
    prints[i] = print.bytes();
    for (const Edge* edge : out[i])
      if (--open[edge->to] == 0) ready.push_back(edge->to);
  }
  // Cycles, and what follows from them.
  Fingerprint rest;
  rest.add(around);
  for (std::size_t i = 0; i < count; ++i) {
    if (!prints[i].empty()) continue;
    rest.add(definition_of(graph.nodes[i]));
    for (const Edge* edge : in[i]) add_edge(rest, *edge, prints[edge->from] + graph.nodes[edge->from].id);
  }
  const std::string together = rest.bytes();
  std::map<std::string, std::string> named;
  for (std::size_t i = 0; i < count; ++i)
    named[graph.nodes[i].id] = prints[i].empty() ? together + graph.nodes[i].id : prints[i];
  return named;
}

}  // namespace qflow::flow
