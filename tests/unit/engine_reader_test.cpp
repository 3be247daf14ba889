#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/engine/plan.hpp"
#include "daemon/engine/reader.hpp"
#include "daemon/fault.hpp"

using namespace qflow;
using namespace qflow::engine;

namespace {

Graph read(const char* text) { return read_workflow(json::parse(text).as_object()); }

Fault refused(const char* text) {
  try {
    read(text);
  } catch (const Fault& fault) {
    return fault;
  }
  FAIL("accepted");
  return {FaultKind::internal, "", ""};
}

workers::Settings settings() {
  workers::Settings s;
  s.pythons = {{"3.9", "/x/pyhost-3.9"}, {"3.11", "/x/pyhost-3.11"}};
  s.default_python = "3.11";
  return s;
}

Fault unplannable(const char* text, const std::optional<std::string>& only = std::nullopt) {
  try {
    make_plan(read(text), settings(), only);
  } catch (const Fault& fault) {
    return fault;
  }
  FAIL("planned");
  return {FaultKind::internal, "", ""};
}

}  // namespace

TEST_CASE("the three connection shapes give the same graph") {
  const char* nodes =
      R"("nodes":[{"id":"1","name":"A","parameters":{"code":"def a(): pass"}},{"id":"2","name":"B","parameters":{"code":"def b(x): pass"}}])";
  for (const char* connections :
       {R"({"A":{"main":[[{"node":"B","type":"main","index":0}]]}})", R"({"A":{"main":[{"node":"B"}]}})",
        R"({"1":{"outputs":{"main":[{"node":"2","type":"main","index":0}]}}})",
        R"([{"source":{"nodeId":"1"},"target":{"nodeId":"2"}}])", R"([{"source":"1","target":"2"}])",
        R"({"A":[{"node":"B"}]})"}) {
    CAPTURE(connections);
    const Graph graph = read(("{" + std::string(nodes) + ",\"connections\":" + connections + "}").c_str());
    REQUIRE(graph.edges.size() == 1);
    CHECK(graph.edges[0].from == 0);
    CHECK(graph.edges[0].to == 1);
    CHECK(graph.edges[0].input == 0);
  }
}

TEST_CASE("n8n outputs are indexed, entries may be null, names fall back to ids") {
  const Graph graph = read(R"({"nodes":[{"id":"1","name":"A"},{"id":"2","name":"B"}],
    "connections":{"A":{"main":[null,[{"node":"2","index":3}]]}}})");
  REQUIRE(graph.edges.size() == 1);
  CHECK(graph.edges[0].output == 1);
  CHECK(graph.edges[0].input == 3);
}

TEST_CASE("list connections carry port names and indexes") {
  const Graph graph = read(
      R"({"nodes":[{"id":"1"},{"id":"2"}],"connections":[{"source":{"nodeId":"1","output":"left"},"target":{"nodeId":"2","index":2}}]})");
  CHECK(graph.edges[0].output_port == "left");
  CHECK(graph.edges[0].input == 2);
  CHECK_FALSE(graph.edges[0].input_port);
}

TEST_CASE("parameters win over data, data over the node itself") {
  const Graph graph =
      read(R"({"nodes":[{"id":"1","code":"c0","timeout":1,"data":{"label":"L","code":"c1","python_version":"3.9"},
    "parameters":{"code":"c2","inputs":{"k":1}}}]})");
  const Node& node = graph.nodes[0];
  CHECK(node.name == "L");
  CHECK(node.code == "c2");
  CHECK(node.python_version == "3.9");
  CHECK(node.sandbox.time == 1);
  CHECK(node.literals.at("k") == 1);
}

TEST_CASE("names are made unique, ids must be") {
  const Graph graph = read(R"({"nodes":[{"id":"1","name":"A"},{"id":"2","name":"A"},{"id":"3","name":"A"}]})");
  CHECK(graph.nodes[1].name == "A1");
  CHECK(graph.nodes[2].name == "A2");
  CHECK(refused(R"({"nodes":[{"id":"1"},{"id":"1"}]})").code == "duplicate_node");
}

TEST_CASE("what is wrong is named by its pointer, all of it at once") {
  const Fault fault = refused(R"({"nodes":[{"id":1},{"id":"b","parameters":{"timeout":-1}},7]})");
  CHECK(fault.message == "/nodes/0/id: expected a string");
  CHECK(fault.details.at("problems").as_array().size() == 4);
  CHECK(refused(R"({"nodes":{}})").message == "/nodes: expected a list of nodes");
  CHECK(refused(R"({"nodes":[],"connections":3})").message == "/connections: expected an object or a list");
  const Fault missing = refused(R"({"nodes":[{"id":"a"}],"connections":[{"source":"a","target":"zz"}]})");
  CHECK(missing.code == "missing_node");
  CHECK(missing.message.find("\"zz\"") != std::string::npos);
}

TEST_CASE("steps are ordered by what they need, otherwise as written") {
  const Plan plan = make_plan(read(R"({"nodes":[{"id":"c","code":"x"},{"id":"a","code":"x"},{"id":"b","code":"x"}],
    "connections":[{"source":"a","target":"c"},{"source":"b","target":"c"}]})"),
                              settings());
  REQUIRE(plan.steps.size() == 3);
  CHECK(plan.steps[0].node.id == "a");
  CHECK(plan.steps[1].node.id == "b");
  CHECK(plan.steps[2].node.id == "c");
  CHECK(plan.steps[2].sink);
  CHECK_FALSE(plan.steps[0].sink);
  CHECK(plan.python == "3.11");
}

TEST_CASE("a cycle is named by its nodes") {
  const Fault fault =
      unplannable(R"({"nodes":[{"id":"s","code":"x"},{"id":"a","code":"x"},{"id":"b","code":"x"},{"id":"z","code":"x"}],
    "connections":[{"source":"s","target":"a"},{"source":"a","target":"b"},{"source":"b","target":"a"},{"source":"b","target":"z"}]})");
  CHECK(fault.code == "cyclic_workflow");
  CHECK((fault.message.find("a → b → a") != std::string::npos || fault.message.find("b → a → b") != std::string::npos));
  CHECK(unplannable(R"({"nodes":[{"id":"a","code":"x"}],"connections":[{"source":"a","target":"a"}]})").code ==
        "cyclic_workflow");
}

TEST_CASE("disabled nodes pass their first input on, triggers give the input, notes are ignored") {
  const Plan plan = make_plan(read(R"({"nodes":[{"id":"t","type":"n8n-nodes-base.manualTrigger"},{"id":"a","code":"x"},
    {"id":"d","code":"x","disabled":true},{"id":"b","code":"x"},{"id":"n","type":"n8n-nodes-base.stickyNote"}],
    "connections":[{"source":"t","target":"a"},{"source":"a","target":"d"},{"source":"d","target":"b"}]})"),
                              settings());
  REQUIRE(plan.steps.size() == 2);
  REQUIRE(plan.steps[0].sources.size() == 1);
  CHECK_FALSE(plan.steps[0].sources[0].step);
  REQUIRE(plan.steps[1].sources.size() == 1);
  CHECK(plan.steps[1].sources[0].step == 0);
}

TEST_CASE("what cannot run is refused by name") {
  CHECK(unplannable(R"({"nodes":[{"id":"a"}]})").message == "node \"a\" has no code");
  CHECK(unplannable(R"({"nodes":[{"id":"a","file":"x.py"}]})").message.find("qflow run") != std::string::npos);
  CHECK(unplannable(R"({"nodes":[{"id":"a","type":"n8n-nodes-base.slack"}]})").code == "unknown_node_type");
  CHECK(unplannable(R"({"nodes":[]})").code == "empty_workflow");
  const Fault version = unplannable(R"({"nodes":[{"id":"a","code":"x"}],"python_version":"2.7"})");
  CHECK(version.code == "unknown_python_version");
  CHECK(version.message.find("3.9, 3.11") != std::string::npos);
  CHECK(unplannable(R"({"nodes":[{"id":"a","code":"x","python_version":"3.9"},{"id":"b","code":"x"}]})").code ==
        "mixed_python_versions");
  CHECK(unplannable(R"({"nodes":[{"id":"a","code":"x","timeout":100000}]})").code == "limit_exceeded");
  CHECK(unplannable(R"({"nodes":[{"id":"a","code":"x","memory":1e12}]})").code == "limit_exceeded");
  CHECK(unplannable(R"({"nodes":[{"id":"a","code":"x"}]})", "zz").code == "missing_node");
}

TEST_CASE("one node takes what it needs along and nothing else") {
  const Plan plan = make_plan(read(R"({"nodes":[{"id":"a","code":"x"},{"id":"b","code":"x"},{"id":"c","code":"x"}],
    "connections":[{"source":"a","target":"b"},{"source":"b","target":"c"}]})"),
                              settings(), "b");
  CHECK(plan.steps.size() == 2);
  CHECK(plan.only == 1);
}
