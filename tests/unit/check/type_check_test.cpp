#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "daemon/check/type_check.hpp"

using namespace qflow;

namespace {

// A record of many fields, each of which is a record again: expensive to compare.
schema::Classes large_classes(const std::string& prefix) {
  schema::Classes classes;
  for (int level = 0; level < 3; ++level) {
    schema::ClassInfo& info = classes[prefix + std::to_string(level)];
    info.form = schema::ClassInfo::Form::dataclass;
    for (int i = 0; i < 60; ++i) {
      schema::Field field;
      field.name = "f" + std::to_string(i);
      field.type = level == 2 ? schema::Type::of("int") : schema::Type::of(prefix + std::to_string(level + 1));
      info.fields.push_back(field);
    }
  }
  return classes;
}

struct Chain {
  explicit Chain(std::size_t length) {
    plan.steps.resize(length);
    from = large_classes("nodes.a.A");
    to = large_classes("nodes.b.B");
    function.name = "f";
    schema::NodePort port;
    port.name = "x";
    port.kind = "either";
    port.required = true;
    port.type = schema::Type::of("nodes.b.B0");
    function.inputs = {port};
    function.output.type = schema::Type::of("nodes.a.A0");
    for (const auto& [name, info] : to) from[name] = info;
    for (std::size_t i = 0; i < length; ++i) {
      plan.steps[i].node.id = plan.steps[i].node.name = "n" + std::to_string(i);
      plan.steps[i].node.code = "def f(x): pass";
      if (i == 0) plan.steps[i].node.literals = {{"x", 1}};
      else plan.steps[i].sources.push_back({i - 1});
      types.push_back({&function, &from});
    }
  }
  std::vector<check::Finding> findings() { return check::check_types(plan, types, typing::Catalog()); }
  flow::Plan plan;
  schema::Classes from, to;
  schema::NodeFunction function;
  std::vector<check::StepTypes> types;
};

const check::Finding* find(const std::vector<check::Finding>& findings, const std::string& code) {
  for (const auto& one : findings)
    if (one.code == code) return &one;
  return nullptr;
}

}  // namespace

TEST_CASE("the work for one document is bounded, and the rest is named") {
  Chain small(3);
  CHECK(find(small.findings(), "check_incomplete") == nullptr);
  Chain large(2000);
  const auto findings = large.findings();
  const check::Finding* said = find(findings, "check_incomplete");
  REQUIRE(said != nullptr);
  CHECK(said->severity == check::Finding::Severity::warning);
  CHECK(said->message.find("connections were compared by their outer types only") != std::string::npos);
  CHECK(findings.size() <= 1001);
}
