#include <doctest/doctest.h>

#include "daemon/flow/control_problems.hpp"
#include "daemon/flow/control_types.hpp"
#include "daemon/flow/workflow_reader.hpp"

using namespace qflow;
using namespace qflow::flow;

namespace {

Node node_of(const std::string& type, json::object parameters) {
  json::object node{{"id", "n"}, {"type", type}, {"parameters", std::move(parameters)}};
  json::object flow;
  flow["nodes"] = json::array{std::move(node)};
  return read_workflow(flow).nodes.at(0);
}

// "pointer: what" of the first problem; empty: none.
std::string problem(const std::string& type, json::object parameters) {
  const auto problems = control_problems(node_of(type, std::move(parameters)));
  return problems.empty() ? "" : problems.front().pointer + ": " + problems.front().what;
}

bool has(const std::string& where, const std::string& what) { return where.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("parameters of nodes of flow are checked, each with its pointer") {
  CHECK(problem("qflow.if", {{"condition", "value > 3"}}).empty());
  CHECK(has(problem("qflow.if", {}), "/parameters/condition: required: a Python expression"));
  CHECK(
      has(problem("qflow.if", {{"condition", 3}}), "/parameters/condition: expected a Python expression as a string"));
  CHECK(has(problem("qflow.if", {{"condition", " "}}), "not an empty text"));
  CHECK(has(problem("qflow.if", {{"condition", "={{ $json.x > 3 }}"}}), "this is an n8n expression"));
  CHECK(has(problem("qflow.if", {{"condition", "{{ $json.x }}"}}), "this is an n8n expression"));
  CHECK(has(problem("qflow.if", {{"conditon", "value"}}), "did you mean condition?"));
  CHECK(has(problem("qflow.for_each", {{"parallel", 0}}), "/parameters/parallel: expected a whole number from 1"));
  CHECK(has(problem("qflow.for_each", {{"batch", 1.5}}), "/parameters/batch: expected a whole number"));
  CHECK(has(problem("qflow.for_each", {{"on_error", "colect"}}), "did you mean collect?"));
  CHECK(has(problem("qflow.while", {{"condition", "value"}, {"max_iterations", 0}}), "/parameters/max_iterations"));
  CHECK(has(problem("qflow.merge", {{"mode", "joined"}}), "expected one of first, list, dict"));
  CHECK(has(problem("qflow.merge", {{"mode", "join"}}), "/parameters/on: required with mode join"));
  CHECK(problem("qflow.merge", {{"mode", "join"}, {"on", "id"}}).empty());
  CHECK(has(problem("qflow.switch", {}), "/parameters/rules: required"));
  CHECK(has(problem("qflow.switch", {{"rules", json::array{json::object{{"name", "a"}}}}}),
            "/parameters/rules/0/when: required"));
  CHECK(has(problem("qflow.switch", {{"value", "value"}}), "/parameters/outputs: required with value"));
  CHECK(has(problem("qflow.set", {{"fields", {{"a", 1}}}}), "/parameters/fields/a: expected a Python expression"));
  CHECK(has(problem("qflow.set", {{"keep", 3}}), "/parameters/keep: expected all, none or a list"));
  CHECK(has(problem("qflow.stop", {{"status", "done"}}), "expected one of failed, completed"));
}

TEST_CASE("outputs have names, a switch those of its rules") {
  CHECK(node_of("qflow.if", {{"condition", "value"}}).outputs == std::vector<std::string>{"true", "false"});
  const json::array rules{json::object{{"when", "value > 1"}, {"name", "many"}}, json::object{{"when", "value"}}};
  CHECK(node_of("qflow.switch", {{"rules", rules}}).outputs == std::vector<std::string>{"many", "1", "otherwise"});
  CHECK(node_of("qflow.switch", {{"value", "value"}, {"outputs", json::array{"a", "b"}}}).outputs ==
        std::vector<std::string>{"a", "b", "otherwise"});
  CHECK(node_of("qflow.merge", {}).outputs.empty());
}

TEST_CASE("every type says what a form needs") {
  for (const ControlType& type : control_types()) {
    CHECK_FALSE(type.description.empty());
    CHECK(control_of(type.type) == type.control);
    for (const ControlParameter& one : type.parameters) CHECK_FALSE(one.description.empty());
  }
  CHECK(control_of("qflow.python") == Control::none);
}
