#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow;
using namespace qflow::flow;

namespace {

workers::Settings settings() {
  workers::Settings s;
  s.pythons = {{"3.11", "/x/pyhost-3.11"}};
  s.default_python = "3.11";
  return s;
}

// "l: for_each" and "a" (code) as nodes, "a > l", "l.item > a", "a > l.1" as connections.
json::object flow_of(const std::vector<std::string>& nodes, const std::vector<std::string>& edges) {
  json::object out;
  json::array all;
  for (const std::string& written : nodes) {
    const auto colon = written.find(": ");
    json::object node{{"id", written.substr(0, colon)}};
    if (colon == std::string::npos) node["code"] = "def f(*v): return v";
    else {
      node["type"] = "qflow." + written.substr(colon + 2);
      node["parameters"] = {{"condition", "value"}};
      if (written.ends_with("for_each")) node["parameters"] = json::object();
    }
    all.push_back(std::move(node));
  }
  out["nodes"] = std::move(all);
  out["connections"] = test::connections_of(edges);
  return out;
}

Plan plan_of(const std::vector<std::string>& nodes, const std::vector<std::string>& edges) {
  return make_plan(read_workflow(flow_of(nodes, edges)), settings());
}

std::string refused(const std::vector<std::string>& nodes, const std::vector<std::string>& edges) {
  try {
    plan_of(nodes, edges);
  } catch (const Fault& fault) {
    CHECK((fault.code == "invalid_loop" || fault.code == "cyclic_workflow"));
    return fault.message;
  }
  return "planned";
}

bool has(const std::string& where, const std::string& what) { return where.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a body directly follows its loop, whatever the order of the document") {
  const Plan plan = plan_of({"after", "b", "l: for_each", "a", "before"},
                            {"before > l", "l.item > a", "a > b", "b > l.1", "l.done > after"});
  std::string order;
  for (const Step& step : plan.steps) order += step.node.id + " ";
  CHECK(order == "before l a b after ");
  CHECK(plan.steps[1].body_end == 4);
  CHECK(plan.steps[2].loop == 1U);
  CHECK_FALSE(plan.steps[4].loop);
  CHECK(plan.steps[4].sink);
  CHECK_FALSE(plan.steps[3].sink);
  CHECK(plan.steps[1].sources[1].closes);
}

TEST_CASE("loops nest, and a body may take values from before the loop") {
  const Plan plan = plan_of({"x", "outer: for_each", "inner: while", "a", "b"},
                            {"x > outer", "outer.item > inner", "inner.again > a", "x > a", "a > inner.1",
                             "inner.done > b", "x > b", "b > outer.1"});
  REQUIRE(plan.steps.size() == 5);
  CHECK(plan.steps[2].node.id == "inner");
  CHECK(plan.steps[2].loop == 1U);
  CHECK(plan.steps[3].loop == 2U);
  CHECK(plan.steps[4].loop == 1U);
  CHECK(plan.steps[1].body_end == 5);
  CHECK(plan.steps[2].body_end == 4);
}

TEST_CASE("what is wrong with a loop is named with its connection") {
  CHECK(has(refused({"l: for_each", "a"}, {"l.item > a"}),
            "nothing leads back to its closing input (\"result\", input 1)"));
  CHECK(has(refused({"l: while", "a"}, {"l.again > a"}), "(\"next\", input 1)"));
  CHECK(has(refused({"x", "l: for_each", "a"}, {"x > l", "l.item > a", "a > l.1", "x > l.1"}),
            "the connection from \"x\" to \"l\" goes to its closing input from outside its body"));
  CHECK(
      has(refused({"l: for_each", "a"}, {"l.item > a", "a > l.1", "a > l"}), "leads from its body to its first input"));
  CHECK(has(refused({"l: for_each", "a", "after"}, {"l.item > a", "a > l.1", "l.done > after", "after > a"}),
            "leads into its body from what comes after it"));
  CHECK(has(refused({"l: for_each", "a"}, {"l.item > a", "a > l.1", "l.done > a"}), "from what comes after it"));
  CHECK(has(
      refused({"o: for_each", "i: for_each", "a"}, {"o.item > i", "i.item > a", "a > i.1", "a > o.1", "i.done > o.1"}),
      "leaves its body sideways"));
  CHECK(has(refused({"l: for_each", "m: for_each", "a"}, {"l.item > a", "m.item > a", "a > l.1", "a > m.1"}),
            "neither loop is in the other's body"));
  CHECK(
      has(refused({"a", "b", "l: for_each"}, {"a > b", "b > a", "b > l", "l.item > l.1"}), "the workflow has a cycle"));
  CHECK(has(refused({"t", "l: for_each", "a"}, {"l.item > a", "a > l.1", "t > l", "l.done > t"}), "cycle"));
}

TEST_CASE("an item may go straight back, and a disabled node passes it on") {
  CHECK(plan_of({"l: for_each"}, {"l.item > l.1"}).steps.size() == 1);
  json::object flow = flow_of({"l: for_each", "a"}, {"l.item > a", "a > l.1"});
  flow["nodes"].get_array()[1].get_object()["disabled"] = true;
  const Plan plan = make_plan(read_workflow(flow), settings());
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].sources[0].closes);
}

TEST_CASE("many loops are refused, and a long chain is ordered quickly") {
  std::vector<std::string> nodes, edges;
  for (int i = 0; i < 201; ++i) {
    nodes.push_back("l" + std::to_string(i) + ": for_each");
    edges.push_back("l" + std::to_string(i) + ".item > l" + std::to_string(i) + ".1");
  }
  CHECK(has(refused(nodes, edges), "more than 200 loops"));
}
