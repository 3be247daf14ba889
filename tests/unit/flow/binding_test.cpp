#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/flow/binding.hpp"
#include "daemon/flow/workflow_reader.hpp"

using namespace qflow;
using namespace qflow::flow;

namespace {

std::uint32_t id_of(std::size_t step) { return static_cast<std::uint32_t>(100 + step); }

schema::Function function(std::vector<std::pair<std::string, bool>> parameters, bool args = false,
                          bool kwargs = false) {
  schema::Function f;
  f.name = "f";
  f.var_positional = args;
  f.var_keyword = kwargs;
  for (auto& [name, required] : parameters) f.parameters.push_back({name, "either", required, ""});
  return f;
}

/// The binding of a target t after s0, s1 and s2, with these edges, more members of t, and the execution's input.
Binding bound(const schema::Function& f, const char* connections, const char* more = "{}",
              const char* input = nullptr) {
  json::array nodes;
  for (const char* id : {"s0", "s1", "s2"})
    nodes.push_back(json::object{{"id", id}, {"code", "x"}, {"outputs", json::array{"left", "right"}}});
  json::object target = json::parse(more).as_object();
  target["id"] = "t";
  target["code"] = "x";
  nodes.push_back(target);
  workers::Settings settings;
  settings.pythons = {{"3.11", "p"}};
  settings.default_python = "3.11";
  const Plan plan = make_plan(read_workflow({{"nodes", nodes}, {"connections", json::parse(connections)}}), settings);
  std::optional<json::value> value;
  if (input != nullptr) value = json::parse(input);
  return bind_step(plan.steps.back(), plan, sources_of(plan.steps.back()), f, value, 1, id_of);
}

std::string refused(const schema::Function& f, const char* connections, const char* more = "{}",
                    const char* input = nullptr) {
  try {
    bound(f, connections, more, input);
  } catch (const Fault& fault) {
    return fault.message;
  }
  return "accepted";
}

const schema::Argument* of(const Binding& binding, const std::string& name) {
  for (const auto& argument : binding.arguments)
    if (argument.name == name) return &argument;
  return nullptr;
}

}  // namespace

TEST_CASE("edges bind by port name, then by index") {
  const Binding b = bound(
      function({{"a", true}, {"b", true}}),
      R"([{"source":"s0","target":{"nodeId":"t","port":"b"}},{"source":"s1","target":{"nodeId":"t","index":0}}])");
  CHECK(of(b, "b")->handle == 100);
  CHECK(of(b, "a")->handle == 101);
  CHECK(b.origins.at("b") == "node s0");
}

TEST_CASE("the ports list says what an index means") {
  const Binding b =
      bound(function({{"a", false}, {"b", true}}), R"([{"source":"s0","target":"t"}])", R"({"ports":"b,a"})");
  CHECK(of(b, "b")->handle == 100);
}

TEST_CASE("further edges of one index fill what is free, then *args") {
  const Binding b =
      bound(function({{"a", true}, {"b", true}}), R"([{"source":"s0","target":"t"},{"source":"s1","target":"t"}])");
  CHECK(of(b, "a")->handle == 100);
  CHECK(of(b, "b")->handle == 101);
  const Binding rest =
      bound(function({{"a", true}}, true),
            R"([{"source":"s0","target":"t"},{"source":"s1","target":"t"},{"source":"s2","target":"t"}])");
  CHECK(rest.arguments.size() == 3);
  CHECK_FALSE(rest.arguments[1].name);
  CHECK(refused(function({{"a", true}}), R"([{"source":"s0","target":"t"},{"source":"s1","target":"t"}])")
            .find("2 connections") != std::string::npos);
}

TEST_CASE("one edge and several required parameters: the worker spreads a dict") {
  CHECK(bound(function({{"a", true}, {"b", true}}), R"([{"source":"s0","target":"t"}])").spread);
  CHECK_FALSE(bound(function({{"a", true}, {"b", false}}), R"([{"source":"s0","target":"t"}])").spread);
  // A literal for one of them leaves one required.
  CHECK_FALSE(
      bound(function({{"a", true}, {"b", true}}), R"([{"source":"s0","target":"t"}])", R"({"inputs":{"b":2}})").spread);
}

TEST_CASE("literals fill what no edge feeds; an edge wins") {
  const Binding b =
      bound(function({{"a", true}, {"b", true}}), R"([{"source":"s0","target":"t"}])", R"({"inputs":{"a":1,"b":2}})");
  CHECK(of(b, "a")->handle == 100);
  CHECK(of(b, "b")->literal == 2);
  CHECK(
      refused(function({{"a", true}}), R"([{"source":"s0","target":"t"}])", R"({"inputs":{"zz":1}})").find("\"zz\"") !=
      std::string::npos);
}

TEST_CASE("an entry node takes the input by name, else as a whole, else an empty object") {
  CHECK(of(bound(function({{"a", true}, {"b", false}}), "[]", "{}", R"({"a":1,"c":2})"), "a")->literal == 1);
  CHECK(of(bound(function({{"a", true}}), "[]", "{}", R"({"z":1})"), "a")->literal == json::parse(R"({"z":1})"));
  CHECK(of(bound(function({{"a", true}}), "[]", "{}", "[1,2]"), "a")->literal == json::parse("[1,2]"));
  const Binding nothing = bound(function({{"a", true}}), "[]");
  CHECK(of(nothing, "a")->literal == json::object());
  CHECK(nothing.warnings.size() == 1);
  CHECK(bound(function({{"a", false}}), "[]").arguments.empty());
  const Binding rest = bound(function({}, true), "[]", "{}", "[1,2]");
  REQUIRE(rest.arguments.size() == 1);
  CHECK_FALSE(rest.arguments[0].name);
}

TEST_CASE("a parameter that nothing feeds is missing, by name") {
  CHECK(refused(function({{"a", true}, {"b", true}}), "[]") ==
        "node \"t\": missing argument 'a', 'b' of f(a, b): connect it, or give it in \"inputs\" or in the execution's "
        "input");
  CHECK(refused(function({{"a", true}, {"b", true}}), R"([{"source":"s0","target":{"nodeId":"t","port":"a"}}])")
            .find("missing argument 'b'") != std::string::npos);
  CHECK(refused(function({{"a", true}}), R"([{"source":"s0","target":{"nodeId":"t","port":"q"}}])").find("\"q\"") !=
        std::string::npos);
}

TEST_CASE("a function without parameters ignores its inputs") {
  CHECK(bound(function({}), R"([{"source":"s0","target":"t"}])").arguments.empty());
}

TEST_CASE("declared outputs are picked by index or name") {
  const Binding b = bound(function({{"a", true}}), R"([{"source":{"nodeId":"s0","output":"right"},"target":"t"}])");
  CHECK(of(b, "a")->item == 1);
  CHECK(of(b, "a")->key == "right");
  CHECK(of(b, "a")->width == 2);
  CHECK(refused(function({{"a", true}}), R"([{"source":{"nodeId":"s0","output":"up"},"target":"t"}])").find("\"up\"") !=
        std::string::npos);
  CHECK(refused(function({{"a", true}}), R"([{"source":{"nodeId":"s0","index":5},"target":"t"}])").find("output 5") !=
        std::string::npos);
}
