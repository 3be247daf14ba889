#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/flow/plan.hpp"
#include "daemon/flow/workflow_reader.hpp"

using namespace qflow;
using namespace qflow::flow;

namespace {

Graph read(const char* text) { return read_workflow(json::parse(text).as_object()); }

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

TEST_CASE("a connection from an output that the node does not have is refused by name") {
  const Fault fault = unplannable(R"({"nodes":[{"id":"a","code":"x","outputs":["lo","high"]},{"id":"b","code":"x"}],
    "connections":[{"source":{"nodeId":"a","output":"hihg"},"target":"b"}]})");
  CHECK(fault.code == "unknown_output");
  CHECK(fault.message.find("which has: lo, high; did you mean high?") != std::string::npos);
}

TEST_CASE("a prepared environment is named by its directory, and sets the Python") {
  workers::Settings s = settings();
  s.venvs.push_back({"/opt/venvs/science 1", "/opt/venvs/science", "3.9", "/opt/venvs/science/lib", true});
  const char* const named = R"({"settings":{"container":"science"},"nodes":[{"id":"a","code":"x"}]})";
  const Plan plan = make_plan(read(named), s);
  CHECK(plan.environment == "/opt/venvs/science 1");
  CHECK(plan.python == "3.9");
  const char* const plain = R"({"nodes":[{"id":"a","code":"x"}]})";
  CHECK(make_plan(read(plain), s).environment.empty());
  s.venv = 0;
  CHECK(make_plan(read(plain), s).environment.empty());  // the default Python is another
  s.default_python = "3.9";
  CHECK(make_plan(read(plain), s).environment == "/opt/venvs/science 1");
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

TEST_CASE("a workflow that cannot run is refused with a reason") {
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

TEST_CASE("a single node brings along the nodes it needs and no others") {
  const Plan plan = make_plan(read(R"({"nodes":[{"id":"a","code":"x"},{"id":"b","code":"x"},{"id":"c","code":"x"}],
    "connections":[{"source":"a","target":"b"},{"source":"b","target":"c"}]})"),
                              settings(), "b");
  CHECK(plan.steps.size() == 2);
  CHECK(plan.only == 1);
}
