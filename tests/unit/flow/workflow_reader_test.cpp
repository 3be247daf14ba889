#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/flow/workflow_reader.hpp"

using namespace qflow;
using namespace qflow::flow;

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

TEST_CASE("every problem is named by its pointer, all at once") {
  const Fault fault = refused(R"({"nodes":[{"id":1},{"id":"b","parameters":{"timeout":-1}},7]})");
  CHECK(fault.message == "/nodes/0/id: expected a string");
  CHECK(fault.details.at("problems").as_array().size() == 4);
  CHECK(refused(R"({"nodes":{}})").message == "/nodes: expected a list of nodes");
  CHECK(refused(R"({"nodes":[],"connections":3})").message == "/connections: expected an object or a list");
  const Fault missing = refused(R"({"nodes":[{"id":"a"}],"connections":[{"source":"a","target":"zz"}]})");
  CHECK(missing.code == "missing_node");
  CHECK(missing.message.find("\"zz\"") != std::string::npos);
}
