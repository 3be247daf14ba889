#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "pyhost/values/literals.hpp"
#include "pyhost/values/preview.hpp"

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

}  // namespace

TEST_CASE("JSON values show as they are") {
  for (const char* text : {"{\"a\":[1,-2,1.5,true,null,\"x\\\"\\\\\\n\"]}", "[]", "{}", "0", "9223372036854775807"}) {
    const Preview p = make_preview(to_python(boost::json::parse(text)), 1000);
    CHECK(boost::json::parse(p.json) == boost::json::parse(text));
    CHECK(p.exact);
    CHECK_FALSE(p.truncated);
  }
}

TEST_CASE("values that JSON lacks are shown and marked as inexact") {
  CHECK(preview("float('nan')").json == "null");
  CHECK_FALSE(preview("math.inf").exact);
  CHECK(preview("10**30").json == R"({"__type":"int","value":"1000000000000000000000000000000"})");
  CHECK(boost::json::parse(preview("10**100000").json).at("__type") == "int");
  CHECK(preview("{3}").json == R"({"__type":"set","value":[3]})");
  CHECK(preview("(1, 2)").json == "[1,2]");
  CHECK_FALSE(preview("(1, 2)").exact);
  CHECK(preview("{1: 2}").json == R"({"1":2})");
  CHECK(preview("b'ab'").json == R"({"__type":"bytes","value":{"size":2,"head":"b'ab'","base64":"YWI="}})");
  CHECK(preview("decimal.Decimal('1.5')").json == R"json({"__type":"decimal.Decimal","value":"1.5"})json");
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
