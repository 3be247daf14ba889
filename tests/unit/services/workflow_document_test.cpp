#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/services/workflow_document.hpp"

using namespace qflow;
using namespace qflow::services;

TEST_CASE("a body's members go into the row; those that are not ours are kept") {
  store::Workflow w = fresh_workflow("me");
  take_workflow(json::parse(R"({"name": "w", "nodes": [{"id": "a", "code": "def f(): pass"}], "pinData": {"a": 1},
                                "settings": {"types": "off"}, "python_version": "3.11"})")
                    .as_object(),
                w);
  CHECK(w.created_by == "me");
  CHECK(w.name == "w");
  CHECK(stored_json(w.extra).at("pinData").at("a") == 1);
  const flow::Graph graph = graph_of(w);
  CHECK(graph.name == "w");
  CHECK(graph.nodes.size() == 1);
  CHECK(graph.types == flow::TypeChecks::off);
  CHECK(graph.python_version == "3.11");
  take_workflow(json::parse(R"({"meta": 2})").as_object(), w);  // the others stay
  CHECK(w.name == "w");
  CHECK(stored_json(w.extra).as_object().size() == 2);
}

TEST_CASE("wrong members are named") {
  store::Workflow w = fresh_workflow("me");
  for (const auto& [body, message] :
       {std::pair{R"({})", "/name: required"},
        {R"({"name": 5})", "/name: expected a string"},
        {R"({"name": "w", "nodes": {}})", "/nodes: expected a list of nodes"},
        {R"({"name": "w", "connections": 1})", "/connections: expected an object or a list"}}) {
    store::Workflow copy = w;
    CHECK_THROWS_WITH_AS(take_workflow(json::parse(body).as_object(), copy), message, Fault);
  }
  CHECK_THROWS_AS(tags_in(json::parse(R"({"tags": [1]})").as_object()), Fault);
  CHECK(tags_in(json::parse(R"({"tags": ["a", {"id": "b"}]})").as_object()) == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(tags_in({}));
}
