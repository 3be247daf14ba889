#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include "pyhost/node/calls.hpp"
#include "pyhost/node/modules.hpp"
#include "pyhost/node/raised.hpp"
#include "tests/unit/pyhost/loading.hpp"

using namespace qflow;
using namespace qflow::pyhost;
using test::load;

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

TEST_CASE(
    "decorated functions show the function they wrap; a chosen function is called; of several, the one is called that "
    "can be meant") {
  Modules modules;
  const auto wrapped = load(modules, 1,
                            "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def inner(*a): return "
                            "g(*a)\n    return inner\n@deco\ndef f(x): pass\n",
                            {"a.py", "", "f", false});
  CHECK(wrapped.function == "f");
  CHECK(modules.find(1)->signature.parameters[0].name == "x");
  CHECK_THROWS_WITH(
      load(modules, 2, "def one(): pass\ndef two(): pass\n"),
      "several functions could be the node's: one, two; name one with \"function\", call it main, or call "
      "it like the node");
  const auto chosen = [&](std::uint32_t id, const std::string& source, const char* file = "a.py") {
    return load(modules, id, source, {file, "", std::nullopt, false}).function;
  };
  CHECK(chosen(10, "def one(): pass\ndef main(): pass\n") == "main");
  CHECK(chosen(11, "def one(): pass\ndef clean_text(): pass\n", "Clean Text.py") == "clean_text");
  CHECK(chosen(12, "def one(): pass\ndef Two(): pass\n", "lib/two.py") == "Two");
  CHECK(chosen(13, "def helper(x): return x\ndef work(): return helper(1)\n") == "work");
  CHECK(chosen(14, "def deco(f): return f\n@deco\ndef work(): pass\n") == "work");
  CHECK(chosen(15, "def key(x): return x\ndef work(v): return sorted(v, key=key)\n") == "work");
  CHECK(chosen(16, "def work(n): return work(n - 1) if n else 0\ndef helper(): work(1)\n") == "helper");
  CHECK(chosen(18,
               "def helper(x): return x\ndef work():\n    work = helper(1)\n    return work\ndef other(work): work()\n"
               "def suite(): other(work)\n") == "suite");
  CHECK(load(modules, 19, "def one(): pass\ndef two(): pass\n", {"code.py", "", std::nullopt, false, true, "Two"})
            .function == "two");
  CHECK(chosen(17, "def h(): pass\ndef work(): h()\nif __name__ == '__main__':\n    work()\n") == "work");
  CHECK_THROWS_WITH(load(modules, 3, "def one(): pass\n", {"a.py", "", "zz", false}),
                    "function 'zz' is not defined; defined functions: one");
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
