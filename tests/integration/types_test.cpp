// Connections, literals and values against their types: refused before anything runs, checked during the run, and
// converters that make them fit.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

json::object fits(const std::string& source, const std::string& target) {
  return daemon()
      .post("/types/compatibility/check", {{"source_type", source}, {"target_type", target}})
      .parsed()
      .as_object();
}

json::object wired(const std::string& giver, const std::string& taker, json::object settings = {}) {
  json::object w = chain({node("give", giver), node("take", taker)});
  w["settings"] = std::move(settings);
  return w;
}

std::vector<std::string> codes(const json::value& findings) {
  std::vector<std::string> out;
  for (const auto& one : findings.as_array()) out.push_back(text(one.at("severity")) + " " + text(one.at("code")));
  return out;
}

std::string make_library_node(const std::string& name, const std::string& code, json::object more = {}) {
  more["name"] = name;
  more["code"] = code;
  const Answer made = daemon().post("/nodes", more);
  INFO(made.body);
  REQUIRE(made.status == 201);
  return text(made["id"]);
}

}  // namespace

TEST_CASE("the documented names follow the matrix, Python types their structure") {
  CHECK(fits("integer", "number").at("compatible") == true);
  CHECK(fits("integer", "float").at("compatible") == false);
  CHECK(fits("object", "dataframe").at("compatible") == false);
  CHECK(fits("tuple", "list").at("conversion_required") == true);
  CHECK(text(fits("int", "str").at("conversion_method")) == "str()");
  CHECK(fits("nonsense", "any").at("compatible") == false);
  CHECK(fits("list[int]", "list[float]").at("compatible") == true);
  const json::object strings = fits("list[str]", "list[int]");
  CHECK(strings.at("compatible") == false);
  CHECK(strings.at("outer_compatible") == true);
  CHECK(text(strings.at("explanation")) ==
        "list[str] → list[int]: element 0 of the type: str is not int; converter: int()");
  CHECK(text(strings.at("suggestions").at(0).at("nodes").at(0).at("type")) == "qflow.convert");
  CHECK(text(fits("dict[str, list[str]]", "dict[str, list[int]]").at("explanation"))
            .find("element 1 of the type: element 0") != std::string::npos);
  CHECK(fits("Optional[int]", "int").at("compatible") == false);
  CHECK(fits("int", "Optional[int]").at("compatible") == true);
  CHECK(fits("Literal['a']", "Literal['a', 'b']").at("compatible") == true);
  CHECK(text(fits("list[", "int").at("explanation")).find("is not a type: ") != std::string::npos);
  // Two steps: no single converter leads from a tuple of strings to a dict.
  bool two = false;
  const json::object far = fits("tuple[str, ...]", "dict[str, int]");
  for (const auto& one : far.at("suggestions").as_array()) two = two || one.at("nodes").as_array().size() == 2;
  CHECK(two);
}

TEST_CASE("a wrong connection is stored with a finding and refused before anything runs") {
  const json::object wrong =
      wired("def give() -> str:\n    print('ran')\n    return 'x'", "def take(n: int) -> int:\n    return n");
  const Answer stored = daemon().post("/workflows", wrong);
  REQUIRE(stored.status == 201);
  CHECK(codes(stored["findings"]) == std::vector<std::string>{"error incompatible_types"});
  const Answer refused = daemon().post("/workflows/" + text(stored["id"]) + "/execute?wait=10");
  CHECK(refused.status == 422);
  CHECK(error_code(refused) == "incompatible_types");
  const json::object& details = refused["error"].at("details").as_object();
  CHECK(text(details.at("source").at("node")) == "give");
  CHECK(text(details.at("target").at("port")) == "n");
  CHECK(text(details.at("output_type")) == "str");
  CHECK(text(details.at("input_type")) == "int");
  CHECK(text(details.at("suggestions").at(0).at("converter")) == "int()");
  CHECK(error_message(refused).find("node \"take\": input 'n' takes int, but node \"give\" gives str") == 0);
  CHECK(daemon().get("/executions?filter=%7B%22workflowId%22:%22" + text(stored["id"]) + "%22%7D")["count"] == 0);
  // Never seen before: refused all the same.
  CHECK(daemon().run(wired("def give() -> list: return [1]", "def take(n: dict): return n")).status == 422);
}

TEST_CASE("of two connections between the same nodes, the wrong one is named") {
  json::object w = wired("def give() -> str:\n    return 'x'", "def take(a: str, b: int):\n    return a");
  json::object second = w["connections"].as_array()[0].as_object();
  w["connections"].as_array()[0].at("target").as_object()["port"] = "a";
  second["target"].as_object()["port"] = "b";
  w["connections"].as_array().push_back(std::move(second));
  const Answer answer = daemon().post("/workflows/validate", w);
  REQUIRE(answer["findings"].as_array().size() == 1);
  CHECK(text(answer["findings"].at(0).at("pointer")) == "/connections/1");
}

TEST_CASE("a mismatch inside a type is a warning, an error when types are strict, nothing when they are off") {
  const std::string giver = "def give() -> 'list[str]':\n    return ['1']";
  const std::string taker = "def take(n: 'list[int]') -> int:\n    return len(n)";
  const Answer warned = daemon().post("/workflows", wired(giver, taker));
  CHECK(codes(warned["findings"]) == std::vector<std::string>{"warning incompatible_types"});
  const Answer ran = daemon().run(wired(giver, taker));
  CHECK(text(ran["status"]) == "completed");
  CHECK(daemon().run(wired(giver, taker, {{"types", "strict"}})).status == 422);
  // A mismatch that only the value shows: the giver has no annotation.
  const std::string silent = "def give():\n    return ['1', 2]";
  const Answer strict = daemon().run(wired(silent, taker, {{"types", "strict"}}));
  CHECK(text(strict["status"]) == "failed");
  CHECK(text(strict["error"]).find("TypeMismatch: input 'n' at /0: expected int, found str '1' (node 'take')") == 0);
  CHECK(text(daemon().run(wired(silent, taker))["status"]) == "completed");
  const Answer outer = daemon().run(wired("def give():\n    return 5", taker));
  CHECK(text(outer["error"]).find("TypeMismatch: input 'n': expected list[int], found int 5 (node 'take')") == 0);
  CHECK(text(daemon().run(wired("def give():\n    return 5", "def take(n: list):\n    return n",
                                {{"types", "off"}}))["status"]) == "completed");
  CHECK(daemon().post("/workflows", wired(giver, taker, {{"types", "loud"}})).status == 400);
}

TEST_CASE("literals and the execution's input are checked against the types and converted to them") {
  const std::string code =
      "import dataclasses, datetime, enum, pathlib\nfrom typing import *\n"
      "class Color(enum.Enum):\n    RED = 'red'\n"
      "@dataclasses.dataclass\nclass Point:\n    x: int\n    next: Optional['Point'] = None\n"
      "def main(p: Point, c: Color, t: Tuple[int, str], s: Set[int], d: datetime.date, f: float, b: bytes,\n"
      "         m: Dict[int, Point]):\n"
      "    return [p.next.x, c.name, t[1], sorted(s), d.year, type(f).__name__, b.decode(), m[5].x, isinstance(t, "
      "tuple)]\n";
  const json::object inputs =
      json::parse(
          R"({"p": {"x": 1, "next": {"x": 7}}, "c": "red", "t": [1, "b"], "s": [3, 2], "d": "2026-11-23", "f": 2, "b": "aGk=",
          "m": {"5": {"x": 9}}})")
          .as_object();
  json::object w = chain({node("main", code, {{"inputs", inputs}})});
  const Answer done = daemon().run(w);
  INFO(done.body);
  CHECK(json::serialize(done["data"].at("outputs").at("main")) == R"([7,"RED","b",[2,3],2026,"float","hi",9,true])");
  // The same values as the execution's input.
  const Answer given = daemon().run(chain({node("main", code)}), json::value(inputs));
  CHECK(text(given["status"]) == "completed");
  const auto wrong = [&](const char* name, const char* value, const std::string& said) {
    json::object changed = inputs;
    changed[name] = json::parse(value);
    const Answer refused = daemon().run(chain({node("main", code, {{"inputs", changed}})}));
    INFO(name << " " << value << " " << refused.body);
    CHECK(refused.status == 422);
    CHECK(error_code(refused) == "invalid_literal");
    CHECK(error_message(refused).find(said) != std::string::npos);
  };
  wrong("p", R"({"x": "one"})", "/nodes/0/parameters/inputs/p/x: expected integer, found string");
  wrong("p", R"({"y": 1})", "/nodes/0/parameters/inputs/p/x: required");
  wrong("p", R"({"x": 1, "next": {"x": 1, "z": 2}})", "/nodes/0/parameters/inputs/p/next/z: is not expected here");
  wrong("c", R"("blue")", R"(/nodes/0/parameters/inputs/c: expected one of ["red"], found "blue")");
  wrong("t", R"([1])", "/nodes/0/parameters/inputs/t: has 1 items, at least 2 are needed");
  wrong("s", R"([1, 1])", "/nodes/0/parameters/inputs/s/1: equal to item 0; items must be unique");
  wrong("m", R"({"x": {"x": 1}})", "/nodes/0/parameters/inputs/m/x");
  const Answer input =
      daemon().run(chain({node("main", "def main(a: int, b: str): return a")}), json::value{{"a", "x"}, {"b", "y"}});
  CHECK(input.status == 422);
  CHECK(error_message(input).find("/input/a: expected integer, found string") != std::string::npos);
}

TEST_CASE("qflow.convert: the documented conversions as a node, elements included") {
  const auto converted = [](const std::string& value, json::object parameters) {
    json::object convert{
        {"id", "convert"}, {"name", "convert"}, {"type", "qflow.convert"}, {"parameters", std::move(parameters)}};
    const Answer done =
        daemon().run(flow({node("give", "def give():\n    return " + value), convert}, {{"give", "convert"}}));
    INFO(done.body);
    if (done.status != 200) return error_message(done);
    return text(done["status"]) == "completed" ? json::serialize(done["data"].at("outputs").at("convert"))
                                               : text(done["error"]);
  };
  CHECK(converted("' 12 '", {{"from", "string"}, {"to", "integer"}}) == "12");
  CHECK(converted("'1.5'", {{"from", "string"}, {"to", "float"}}) == "1.5E0");
  CHECK(converted("'7'", {{"from", "string"}, {"to", "number"}}) == "7");
  CHECK(converted("True", {{"from", "boolean"}, {"to", "string"}}) == "\"True\"");
  CHECK(converted("3.0", {{"from", "float"}, {"to", "integer"}}) == "3");
  CHECK(converted("3.5", {{"to", "integer"}}).find("float 3.5 cannot be converted to an integer: it is not whole") !=
        std::string::npos);
  CHECK(converted("[['a', 1]]", {{"from", "list"}, {"to", "dict"}}) == R"({"a":1})");
  CHECK(converted("[1]", {{"from", "list"}, {"to", "dict"}}).find("cannot be converted to a dict") !=
        std::string::npos);
  CHECK(converted("{'a': 1}", {{"from", "dict"}, {"to", "list"}}) == R"(["a"])");
  CHECK(converted("{'a': 1}", {{"from", "dict"}, {"to", "list"}, {"items", true}}) == R"([["a",1]])");
  CHECK(converted("None", {{"to", "string"}}).find("null converts to nothing else") != std::string::npos);
  CHECK(converted("['1', '2']", {{"from", "list[str]"}, {"to", "list[int]"}}) == "[1,2]");
  CHECK(converted("['1', 'x']", {{"from", "list[str]"}, {"to", "list[int]"}})
            .find("at /1: str 'x' cannot be converted") != std::string::npos);
  CHECK(converted("{'a': ['1.5', None]}", {{"to", "dict[str, list[Optional[float]]]"}}) == R"({"a":[1.5E0,null]})");
  const Answer nowhere = daemon().post(
      "/workflows",
      {{"name", "x"}, {"nodes", {{{"id", "c"}, {"type", "qflow.convert"}, {"parameters", {{"to", "integr"}}}}}}});
  CHECK(nowhere.status == 400);
  CHECK(error_message(nowhere).find("/nodes/0/parameters/to: no type is named \"integr\"") != std::string::npos);
}

TEST_CASE("types and converters that users define") {
  const json::object money{{"name", "Money"},
                           {"definition",
                            {{"extends", "dict"},
                             {"schema",
                              {{"type", "object"},
                               {"required", {"amount"}},
                               {"properties", {{"amount", {{"type", "number"}, {"minimum", 0}}}}}}}}}};
  const Answer made = daemon().post("/types", money);
  REQUIRE(made.status == 201);
  CHECK(daemon().post("/types", {{"name", "Price"}, {"definition", {{"extends", "Money"}}}}).status == 201);
  CHECK(fits("Price", "Money").at("compatible") == true);
  CHECK(fits("Price", "object").at("compatible") == true);
  CHECK(fits("Money", "Price").at("compatible") == false);
  CHECK(fits("Money", "string").at("compatible") == false);
  CHECK(daemon().post("/types", {{"name", "Loose"}, {"definition", {{"extends", "nothing"}}}}).status == 400);
  CHECK(daemon().post("/types", {{"name", "Loose"}, {"extends", "nothing"}}).status == 400);
  CHECK(daemon().post("/types", {{"name", "Email"}, {"extends", "string"}}).status == 201);
  CHECK(fits("Email", "string").at("compatible") == true);
  CHECK(daemon().call("PATCH", "/types/" + text(made["id"]), {{"definition", {{"extends", "Price"}}}}).status == 400);
  const Answer wrong = daemon().post("/types", {{"name", "Bad"}, {"definition", {{"schema", {{"type", "strin"}}}}}});
  CHECK(wrong.status == 400);
  CHECK(error_message(wrong).find("/definition/schema/type: expected null, boolean") != std::string::npos);
  // By Python class: a dataclass of that name has that type and is checked against its schema.
  const std::string code = "import dataclasses\n@dataclasses.dataclass\nclass Money:\n    amount: float\n";
  const Answer described =
      daemon().post("/nodes/python/validate", {{"code", code + "def main(m: Money) -> Money: return m"}});
  CHECK(text(described["suggested_types"].at("input")) == "Money");
  json::object declared = chain({node("give", "def give():\n    return {'amount': -1}",
                                      {{"outputs", {{{"name", "output"}, {"type", "Money"}}}}})});
  declared["settings"] = {{"types", "strict"}};
  const Answer broken = daemon().run(declared);
  CHECK(text(broken["error"]).find("TypeMismatch: output: is not of type Money: /amount: -1 is less than 0") == 0);
  json::object wired_types = chain(
      {node("give", "def give():\n    return {'amount': 1}", {{"outputs", {{{"name", "output"}, {"type", "Money"}}}}}),
       node("take", "def take(text: str): return text")});
  CHECK(daemon().run(wired_types).status == 422);

  const std::string id = make_library_node(
      "cents", "def cents(text: str) -> 'list[int]':\n    return [int(float(text) * 100)]", {{"is_converter", true}});
  bool suggested = false;
  const json::object text_to_numbers = fits("str", "list[int]");
  for (const auto& one : text_to_numbers.at("suggestions").as_array()) {
    if (text(one.at("converter")) != "cents") continue;
    const json::value& converter = one.at("nodes").at(0);
    suggested = text(converter.at("library_node")) == id;
    CHECK(text(converter.at("author")) == "owner@example.org");
    // Whatever its workflow may reach.
    CHECK(converter.at("parameters").at("sandbox") == json::value({{"network", "none"}, {"programs", false}}));
  }
  CHECK(suggested);
  const auto refused = [](const char* code_of_it) {
    return daemon().post("/nodes", {{"name", "no"}, {"code", code_of_it}, {"is_converter", true}}).status;
  };
  CHECK(refused("def c(a: int, b: int) -> str: return ''") == 400);
  CHECK(refused("def c(a) -> str: return ''") == 400);
  CHECK(refused("def c(") == 400);
}

TEST_CASE("which library nodes fit a port, best first") {
  const std::string giver = make_library_node("give-numbers", "def numbers(n: int) -> 'list[int]':\n    return [n]");
  make_library_node("sum-floats", "def total(values: 'list[float]') -> float:\n    return sum(values)");
  make_library_node("sum-ints", "def total(values: 'list[int]') -> int:\n    return sum(values)");
  make_library_node("join", "def join(words: 'list[str]') -> str:\n    return ''");
  make_library_node("anything", "def anything(x):\n    return x");
  make_library_node("upper", "def upper(s: str) -> str:\n    return s");
  const Answer answer = daemon().get("/nodes/compatible?node=" + giver + "&port=output&take=250");
  std::vector<std::string> names;
  for (const auto& one : answer["nodes"].as_array()) names.push_back(text(one.at("name")));
  const auto at = [&](const char* name) { return std::find(names.begin(), names.end(), name) - names.begin(); };
  CHECK(at("sum-ints") < at("sum-floats"));
  CHECK(at("sum-floats") < at("join"));
  CHECK(at("join") < static_cast<std::ptrdiff_t>(names.size()));
  CHECK(at("upper") == static_cast<std::ptrdiff_t>(names.size()));
  CHECK(at("anything") < static_cast<std::ptrdiff_t>(names.size()));
  const Answer upstream = daemon().get("/nodes/compatible?node=" + giver + "&port=n");
  CHECK(text(upstream["port"]) == "input");
  names.clear();
  for (const auto& one : upstream["nodes"].as_array()) names.push_back(text(one.at("name")));
  CHECK(names.front() == "sum-ints");
  const std::string id = daemon().store(wired("def give() -> 'list[int]': return []", "def take(n): return n"));
  CHECK(text(daemon().get("/nodes/compatible?workflow=" + id + "&node=give&port=output")["nodes"].at(0).at("name")) ==
        "sum-ints");
  CHECK(text(daemon().get("/nodes/compatible?type=str")["nodes"].at(0).at("type")) == "string");
  CHECK(daemon().get("/nodes/compatible?node=" + giver + "&port=nothing").status == 404);
  CHECK(daemon().get("/nodes/compatible?node=nothing").status == 404);
  CHECK(daemon().get("/nodes/compatible").status == 400);
}

TEST_CASE("a library node's ports, form and schema are those of its live function") {
  const std::string id =
      make_library_node("described",
                        "def scale(values: 'list[float]', by: float = 2.0) -> 'list[float]':\n    \"\"\"Scales.\n\n    "
                        "Args:\n        by: the factor\n    \"\"\"\n    return values\n");
  const Answer described = daemon().get("/nodes/" + id + "/description");
  CHECK(text(described["description"]) == "Scales.");
  CHECK(text(described["inputs"].at(0).at("python_type")) == "list[float]");
  CHECK(described["inputs"].at(1).at("default") == json::value(2.0));
  CHECK(text(described["input_schema"].at("properties").at("by").at("description")) == "the factor");
  CHECK(text(described["output_schema"].at("items").at("type")) == "number");
}

TEST_CASE("a whole workflow is validated with all its findings at once") {
  json::object strange = node("strange", "def f(): ...");
  strange["type"] = "slack";
  const json::object w =
      flow({node("bad", "def bad(:"),
            node("evil", "import os\ndef evil(x: int):\n    os.system('ls')\n    return eval('x')"),
            node("gap", "import nothing_such\ndef gap(): pass"), node("two", "def a(x: int): ...\ndef b(): ..."),
            node("words", "def words() -> 'list[str]': return []"), node("empty", ""), strange},
           {{"words", "two"}});
  const Answer checked = daemon().post("/workflows/validate", w);
  INFO(checked.body);
  CHECK(checked["valid"] == false);
  std::vector<std::string> found;
  for (const auto& one : checked["findings"].as_array())
    found.push_back((one.at("node").is_null() ? "" : text(one.at("node"))) + " " + text(one.at("code")) +
                    (one.at("line").is_null() ? "" : " " + json::serialize(one.at("line"))));
  for (const char* wanted :
       {"bad code_error 1", "evil starts_program 3", "evil evaluates_text 4", "gap missing_package 1",
        "two ambiguous_function", "two incompatible_types", "empty missing_code", "strange unknown_node_type"}) {
    INFO(wanted);
    CHECK(std::find(found.begin(), found.end(), wanted) != found.end());
  }
  const Answer document =
      daemon().post("/workflows/validate", {{"nodes", {{{"id", 5}}, "x"}}, {"settings", {{"types", 5}}}});
  CHECK(document["valid"] == false);
  CHECK(document["findings"].as_array().size() >= 3);
  const std::string id = daemon().store(greeting());
  CHECK(daemon().post("/workflows/" + id + "/validate")["valid"] == true);
  CHECK(daemon().post("/workflows/nothing/validate").status == 404);
  json::object cycle =
      flow({node("a", "def a(x): return x"), node("b", "def b(x): return eval(x)")}, {{"a", "b"}, {"b", "a"}});
  const auto both = codes(daemon().post("/workflows/validate", cycle)["findings"]);
  CHECK(both == std::vector<std::string>{"error cyclic_workflow", "warning evaluates_text"});
}

TEST_CASE("nodes that import each other's classes are described together") {
  const std::string read =
      "import dataclasses\n@dataclasses.dataclass\nclass Document:\n    text: str\ndef read() -> Document: return "
      "Document('x')";
  const std::string show = "from nodes.read import Document\ndef show(d: Document) -> str: return d.text";
  const std::string other =
      "from nodes.read import Document\nclass Other:\n    pass\ndef show(d: Other) -> str: return ''";
  json::object w = chain({node("read", read), node("show", show)});
  const Answer checked = daemon().post("/workflows/validate", w);
  INFO(checked.body);
  CHECK(checked["findings"].as_array().empty());
  CHECK(text(daemon().run(w)["status"]) == "completed");
  const Answer wrong = daemon().post("/workflows/validate", chain({node("read", read), node("show", other)}));
  // Users' own classes are `any` to the documented rules, so a mismatch is only a warning.
  CHECK(codes(wrong["findings"]) == std::vector<std::string>{"warning incompatible_types"});
}

TEST_CASE("nothing is introspected twice, not even after a restart") {
  const auto directory = std::make_shared<TempDir>();
  // A default that says when the module was executed.
  const std::string code = "import time\ndef main(at=str(time.time_ns())) -> int: return 1";
  const auto executed_at = [&](Daemon& one) {
    const Answer answer = one.post("/nodes/python/validate", {{"code", code}});
    CHECK(text(answer["description"].at("source")) == "live");
    return text(answer["description"].at("functions").at(0).at("inputs").at(0).at("default"));
  };
  std::string at;
  {
    Daemon first({}, {}, directory);
    at = executed_at(first);
    CHECK(executed_at(first) == at);
    first.program().signal(SIGTERM);
    CHECK(first.program().wait(std::chrono::seconds(20)).code == 0);
  }
  Daemon second({}, {}, directory);
  CHECK(executed_at(second) == at);
}
