// pyhost's parts on a live interpreter, without a sandbox.
#define DOCTEST_CONFIG_IMPLEMENT
#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "pyhost/calls.hpp"
#include "pyhost/interpreter.hpp"
#include "pyhost/literals.hpp"
#include "pyhost/preview.hpp"
#include "pyhost/raised.hpp"

namespace py = pybind11;
using namespace qflow;
using namespace qflow::pyhost;

namespace {

py::object eval(const std::string& expression) {
  const py::dict scope;
  py::exec("import math, decimal, collections, dataclasses, pathlib, enum", scope);
  return py::eval(expression, scope);
}
Preview preview(const std::string& expression, std::size_t budget = 10'000) {
  return make_preview(eval(expression), budget);
}

schema::Loaded load(Modules& modules, std::uint32_t id, const std::string& code, schema::Load load = {}) {
  if (load.file.empty()) load.file = "node.py";
  return modules.load(id, load, code);
}

schema::Raised raised_by(const std::string& code) {
  Modules modules;
  Calls calls;
  try {
    load(modules, 1, code);
    schema::Call call;
    call.module = 1;
    calls.run(2, call, *modules.find(1));
  } catch (py::error_already_set& error) {
    return describe(error, modules, "node.py");
  }
  FAIL("nothing was raised");
  return {};
}

}  // namespace

TEST_CASE("JSON values show as they are") {
  for (const char* text : {"{\"a\":[1,-2,1.5,true,null,\"x\\\"\\\\\\n\"]}", "[]", "{}", "0", "9223372036854775807"}) {
    const Preview p = make_preview(to_python(boost::json::parse(text)), 1000);
    CHECK(boost::json::parse(p.json) == boost::json::parse(text));
    CHECK(p.exact);
    CHECK_FALSE(p.truncated);
  }
}

TEST_CASE("what JSON lacks is shown and said to be inexact") {
  CHECK(preview("float('nan')").json == "null");
  CHECK_FALSE(preview("math.inf").exact);
  CHECK(preview("10**30").json == R"({"__type":"int","value":"1000000000000000000000000000000"})");
  CHECK(boost::json::parse(preview("10**100000").json).at("__type") == "int");
  CHECK(preview("{3}").json == R"({"__type":"set","value":[3]})");
  CHECK(preview("(1, 2)").json == "[1,2]");
  CHECK_FALSE(preview("(1, 2)").exact);
  CHECK(preview("{1: 2}").json == R"({"1":2})");
  CHECK(preview("b'ab'").json == R"({"__type":"bytes","value":{"size":2,"head":"b'ab'"}})");
  CHECK(preview("decimal.Decimal('1.5')").json == R"json({"__type":"decimal.Decimal","repr":"Decimal('1.5')"})json");
  CHECK(preview("pathlib.PurePosixPath('/a')").json.find("\"/a\"") != std::string::npos);
  CHECK(preview("dataclasses.make_dataclass('P', ['x'])(4)").json.find(R"("value":{"x":4})") != std::string::npos);
  CHECK(boost::json::parse(preview("'\\ud800'").json).is_string());
  CHECK(preview("'\\x00\\x1f'").json == R"("\u0000\u001f")");
}

TEST_CASE("a preview is valid JSON however early it is cut") {
  for (std::size_t budget = 1; budget < 200; budget += 3) {
    const Preview p = preview("{'k%d' % i: ['ä' * 20, {'x': (i, {i})}] for i in range(100)}", budget);
    boost::system::error_code error;
    boost::json::parse(p.json, error);
    CHECK_MESSAGE(!error, p.json);
    CHECK(p.truncated);
    CHECK(p.json.size() < budget + 1000);
  }
}

TEST_CASE("hostile values cannot break a preview") {
  const py::dict scope;
  py::exec(R"(
class Bad:
    def __repr__(self): raise RuntimeError
class Clearing:
    def __init__(self, owner): self.owner = owner
    def __repr__(self): self.owner.clear(); return 'x'
loop = []; loop.append(loop)
clearing = []; clearing.extend([Clearing(clearing), 1, 2])
deep = []
for _ in range(10000): deep = [deep]
class ndarray:
    __module__ = 'numpy'
    size = 'abc'
    shape = (1,)
    dtype = 'x'
class D(dict):
    def items(self): raise RuntimeError
    def __len__(self): raise RuntimeError
)",
           scope);
  for (const char* name : {"Bad()", "loop", "clearing", "deep", "D(a=1)", "ndarray()", "[Bad(), {Bad(): Bad()}]"}) {
    const Preview p = make_preview(py::eval(name, scope), 10'000);
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = 100;
    boost::json::parse(p.json, error, {}, options);
    CHECK_MESSAGE(!error, name);
  }
}

TEST_CASE("functions are found and described") {
  Modules modules;
  const auto loaded = load(modules, 1,
                           "from os.path import join\ndef _hidden(): pass\ndef f(a, /, b: int, c: 'list[str]' = None, "
                           "*rest, d, e=1, **more) -> dict: pass\n");
  CHECK(loaded.function == "f");
  REQUIRE(loaded.functions.size() == 1);
  const auto& f = loaded.functions[0];
  REQUIRE(f.parameters.size() == 5);
  CHECK(f.parameters[0].kind == "positional");
  CHECK(f.parameters[1].type == "int");
  CHECK(f.parameters[2].type == "list[str]");
  CHECK_FALSE(f.parameters[2].required);
  CHECK(f.parameters[3].kind == "keyword");
  CHECK(f.parameters[3].required);
  CHECK_FALSE(f.parameters[4].required);
  CHECK(f.var_positional);
  CHECK(f.var_keyword);
  CHECK(f.returns == "dict");
}

TEST_CASE("decorated functions show what they wrap; a chosen one is called; several are told") {
  Modules modules;
  const auto wrapped = load(modules, 1,
                            "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def inner(*a): return "
                            "g(*a)\n    return inner\n@deco\ndef f(x): pass\n",
                            {"a.py", "", "f", false});
  CHECK(wrapped.function == "f");
  CHECK(modules.find(1)->signature.parameters[0].name == "x");
  const auto several = load(modules, 2, "def one(): pass\ndef two(): pass\n");
  CHECK(several.function == "one");
  CHECK(several.warnings.size() == 1);
  CHECK_THROWS_WITH(load(modules, 3, "def one(): pass\n", {"a.py", "", "zz", false}),
                    "function 'zz' is not defined; defined are: one");
  CHECK_THROWS_WITH(load(modules, 4, "x = 1\n"),
                    "the code defines no function; a node needs one `def` at the top level");
}

TEST_CASE("the text is UTF-8 whatever its coding line says") {
  Modules modules;
  Calls calls;
  load(modules, 1, "# -*- coding: latin-1 -*-\ndef f(): return 'é'\n");
  schema::Call call;
  CHECK(calls.run(2, call, *modules.find(1)).preview == "\"é\"");
}

TEST_CASE("a node imports from the nodes before it") {
  Modules modules;
  Calls calls;
  load(modules, 1,
       "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef "
       "make(): return P(3)\n",
       {"Make Points.py", "", "make", false});
  load(modules, 3, "from nodes.make_points import P\ndef use(p: P):\n    assert isinstance(p, P)\n    return p.x\n",
       {"use.py", "", "use", false});
  schema::Call call;
  call.module = 1;
  CHECK(calls.run(2, call, *modules.find(1)).type == "nodes.make_points.P");
  schema::Argument argument;
  argument.name = "p";
  argument.handle = 2;
  call.arguments.push_back(argument);
  CHECK(calls.run(4, call, *modules.find(3)).preview == "3");
}

TEST_CASE("coroutines are run and generators collected") {
  Modules modules;
  Calls calls;
  schema::Call call;
  load(modules, 1, "async def f():\n    return 7\n");
  CHECK(calls.run(2, call, *modules.find(1)).preview == "7");
  load(modules, 3, "def g():\n    yield 1\n    yield 2\n");
  CHECK(calls.run(4, call, *modules.find(3)).preview == "[1,2]");
}

TEST_CASE("errors carry the line in the node's code and a traceback with its text") {
  const schema::Raised raised = raised_by("def f():\n    import json\n    return json.loads('{')\n");
  CHECK(raised.type == "JSONDecodeError");
  CHECK(raised.line == 3);
  CHECK(raised.traceback.find("json.loads('{')") != std::string::npos);
  const schema::Raised syntax = raised_by("def f():\n    return (\n");
  CHECK(syntax.type == "SyntaxError");
  CHECK(syntax.line);
  CHECK(raised_by("import sys\ndef f(): sys.exit(3)\n").type == "SystemExit");
  const schema::Raised bad =
      raised_by("class E(Exception):\n    def __str__(self): raise ValueError\ndef f(): raise E()\n");
  CHECK(bad.type == "E");
}

TEST_CASE("one of several declared outputs is picked") {
  Modules modules;
  Calls calls;
  load(modules, 1, "def f(): return (1, 'two')\n");
  schema::Call call;
  calls.run(2, call, *modules.find(1));
  load(modules, 3, "def g(x): return x\n");
  schema::Argument argument;
  argument.name = "x";
  argument.handle = 2;
  argument.item = 1;
  argument.width = 2;
  call.arguments = {argument};
  CHECK(calls.run(4, call, *modules.find(3)).preview == "\"two\"");
  call.arguments[0].width = 3;
  CHECK_THROWS_AS(calls.run(6, call, *modules.find(3)), Unusable);
}

int main(int argc, char** argv) {
  start_interpreter();
  const int result = doctest::Context(argc, argv).run();
  return result;
}
