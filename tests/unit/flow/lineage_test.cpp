#include "daemon/flow/lineage.hpp"

#include <doctest/doctest.h>

#include "daemon/flow/workflow_reader.hpp"
#include "schema/text/parse_json.hpp"

using namespace qflow;

namespace {

flow::Graph graph_of(const std::string& text) {
  std::string error;
  const auto value = schema::parse_json(text, error, 100);
  REQUIRE(error.empty());
  return flow::read_workflow(value.as_object());
}

std::string with(const std::string& a, const std::string& more = "") {
  return R"({"nodes": [{"id": "a", "code": ")" + a +
         R"("}, {"id": "b", "code": "def b(x): return x"}, {"id": "c", "code": "def c(): return 1"}],
         "connections": [{"source": "a", "target": "b"}])" +
         more + "}";
}

}  // namespace

TEST_CASE("what a node's value depends on is in its lineage, and nothing else") {
  const auto first = flow::lineages(graph_of(with("def a(): return 1")));
  CHECK(first == flow::lineages(graph_of(with("def a(): return 1"))));
  const auto changed = flow::lineages(graph_of(with("def a(): return 2")));
  CHECK(first.at("a") != changed.at("a"));
  CHECK(first.at("b") != changed.at("b"));
  CHECK(first.at("c") == changed.at("c"));
  const auto modules = flow::lineages(graph_of(with("def a(): return 1", R"(, "modules": {"m": "X = 1"})")));
  CHECK(first.at("c") != modules.at("c"));
  const auto memory =
      flow::lineages(graph_of(with("def a(): return 1", R"(, "settings": {"sandbox": {"memory": "100M"}})")));
  CHECK(first.at("c") != memory.at("c"));
  const auto other = flow::lineages(graph_of(R"({"nodes": [{"id": "a", "code": "def a(): return 1"},
      {"id": "b", "code": "def b(x): return x"}, {"id": "c", "code": "def c(): return 1"}],
      "connections": [{"source": "c", "target": "b"}]})"));
  CHECK(first.at("a") == other.at("a"));
  CHECK(first.at("b") != other.at("b"));
}

TEST_CASE("nodes of a loop, and what follows it, depend on all of it") {
  const auto loop = [](const std::string& body) {
    return flow::lineages(graph_of(R"({"nodes": [{"id": "a", "code": "def a(): return [1]"},
      {"id": "loop", "type": "qflow.for_each"}, {"id": "body", "code": ")" +
                                   body + R"("},
      {"id": "end", "code": "def end(x): return x"}],
      "connections": [{"source": "a", "target": "loop"}, {"source": {"nodeId": "loop", "output": 1}, "target": "body"},
        {"source": "body", "target": {"nodeId": "loop", "input": 1}}, {"source": "loop", "target": "end"}]})"));
  };
  const auto one = loop("def body(x): return x");
  const auto two = loop("def body(x): return x + 1");
  CHECK(one.at("a") == two.at("a"));
  CHECK(one.at("end") != two.at("end"));
  CHECK(one.at("loop") != one.at("end"));
}
