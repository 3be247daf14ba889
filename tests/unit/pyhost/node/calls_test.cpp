#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include "pyhost/node/calls.hpp"
#include "tests/unit/pyhost/loading.hpp"

using namespace qflow;
using namespace qflow::pyhost;
using test::load;

TEST_CASE("coroutines are run and generators collected") {
  Modules modules;
  Calls calls;
  schema::Call call;
  load(modules, 1, "async def f():\n    return 7\n");
  CHECK(calls.run(2, call, *modules.find(1)).preview == "7");
  load(modules, 3, "def g():\n    yield 1\n    yield 2\n");
  CHECK(calls.run(4, call, *modules.find(3)).preview == "[1,2]");
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
