// Types under attack: code that lies about itself, users who try to reach into each other's workflows, requests
// that cost more than they should. The daemon answers, stays small, and goes on.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <thread>

#include "tests/integration/describing.hpp"

using namespace qflow::test;
using namespace qflow::test::describing;

namespace {

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::size_t resident_kib(Daemon& one) {
  const std::string status =
      qflow::sandbox::read_file("/proc/" + std::to_string(one.program().pid()) + "/status", 65536);
  return std::stoul(status.substr(status.find("VmRSS:") + 6));
}

}  // namespace

TEST_CASE("classes that lie about themselves: the worker lives, the daemon answers") {
  for (const char* code :
       {"class M(type):\n    __mro__ = 5\nclass A(metaclass=M): pass\n",
        "class A:\n    __dataclass_fields__ = {'a': 5, 3: 4}\n",
        "class F(dict):\n    def items(self): return [5, (1,), (1, 2, 3)]\nclass A:\n    __dataclass_fields__ = "
        "F(a=1)\n",
        "import typing\nclass X: pass\nx = X()\nx.__args__ = (x,)\nA = typing.Literal[x]\n",
        "class E:\n    def __getattr__(self, name):\n        if name in ('__args__', '__metadata__'): return (E(), "
        "E())\n"
        "        if name == '__origin__': return dict\n        raise AttributeError(name)\nA = E()\n",
        "class P:\n    @property\n    def __supertype__(self): raise SystemExit(5)\nA = P()\n",
        "class BaseModel: pass\nBaseModel.__module__ = 'pydantic.main'\nclass A(BaseModel):\n"
        "    @classmethod\n    def model_json_schema(cls): return {'$defs': {'A': {'$ref': '#/$defs/A'}}, '$ref': "
        "'#/$defs/A'}\n",
        "import typing\nA = typing.Union[typing.Dict[str, 'A'], typing.List['A'], typing.Tuple['A', ...], int, "
        "None]\n"}) {
    INFO(code);
    const std::string whole = std::string(code) + "def main(a: A) -> A:\n    return a\n";
    CHECK(seconds([&] {
            const Answer described = daemon().post("/nodes/python/validate", {{"code", whole}});
            CHECK(described["description"].at("source") == "live");
          }) < 8);
    // A type that cannot be understood does not keep the node from running.
    const Answer ran = daemon().node(whole, {{"a", nullptr}});
    CHECK(ran.status == 200);
    CHECK(text(ran["outcome"]) != "protocol_violation");
    CHECK(text(ran["outcome"]) != "crashed");
  }
}

TEST_CASE("values that change while they are inspected") {
  const Answer changed = daemon().node(
      "from typing import Dict\nd = {}\nclass K:\n    def __str__(self):\n        d.clear()\n        return 'k'\n"
      "def a() -> Dict[object, tuple]:\n    for i in range(10): d[K()] = tuple([i] * 300000)\n    return d\n");
  CHECK(text(changed["outcome"]) == "completed");
  const Answer itself = daemon().node("def a() -> 'list[list]':\n    x = []\n    x.append(x)\n    return x");
  CHECK(text(itself["outcome"]) == "completed");
}

TEST_CASE("code that ran before types were checked still runs") {
  for (const char* code : {"def f(x: int = None): return x is None",
                           "from typing import *\nfrom contextlib import contextmanager\n@contextmanager\ndef f(x=1) "
                           "-> Iterator[int]:\n    yield 1",
                           "from typing import *\ndef f(x: Iterator[int] = (1, 2)): return list(x)",
                           "class RowIterator: pass\ndef f(x=1) -> RowIterator: return RowIterator()",
                           "def f(x: any = 5) -> any: return x",
                           "from unittest.mock import MagicMock\ndef f(x=1) -> dict: return MagicMock(spec=dict)",
                           "import collections\ndef f(x=1) -> dict: return collections.OrderedDict()",
                           "import decimal\ndef f(x=1) -> 'Nope': return 1"}) {
    const Answer ran = daemon().node(code);
    INFO(code << ran.body);
    CHECK(ran["success"] == true);
  }
  for (const auto& [giver, taker] :
       {std::pair{"def give() -> str: return 'ab'", "from typing import *\ndef take(x: Iterable[str]): return list(x)"},
        {"def give() -> dict: return {'a': 1}", "from typing import *\ndef take(x: Iterable[str]): return list(x)"},
        {"from typing import *\ndef give() -> Iterator[int]:\n    yield 1",
         "from typing import *\ndef take(x: Generator[int, None, None]): return list(x)"},
        {"import enum\nclass E(enum.Enum):\n    A = 1\ndef give() -> E: return E.A",
         "import enum\nclass E(enum.Enum):\n    A = 1\ndef take(x: E): return x is E.A"},
        {"from typing import *\nclass P(NamedTuple):\n    a: int\ndef give() -> P: return P(1)",
         "from typing import *\nclass P(NamedTuple):\n    a: int\ndef take(x: P): return x.a"}}) {
    const Answer done = daemon().run(chain({node("give", giver), node("take", taker)}));
    INFO(taker << done.body);
    CHECK(text(done["status"]) == "completed");
  }
}

TEST_CASE("a key that may read types runs no code; one user's types do not apply to another's classes") {
  Daemon one;
  const Answer key = one.post("/api-keys", {{"name", "types"}, {"scopes", {"types:read"}}});
  REQUIRE(key.status == 201);
  Daemon reader = one.with_headers("Authorization: Bearer " + text(key["key"]) + "\r\n");
  for (const char* path :
       {"/types/compatibility/check", "/nodes/python/types/validate", "/api/type-validation/validate-types"})
    CHECK(reader.post(path, {{"code", "def f(): pass"}}).status == 403);
  CHECK(reader.post("/types/compatibility/check", {{"source_type", "int"}, {"target_type", "int"}}).status == 200);
  CHECK(reader.post("/workflows/validate", greeting()).status == 403);

  Daemon other = one.as_user("other@example.org");
  CHECK(other
            .post("/types", {{"name", "Never"},
                             {"python_type", "datetime.date"},
                             {"definition", {{"schema", {{"not", json::object()}}}}}})
            .status == 201);
  CHECK(other.post("/types", {{"name", "Invoice"}}).status == 201);
  json::object dated = chain(
      {node("f", "import datetime\ndef f(d: datetime.date): return d.year", {{"inputs", {{"d", "2026-01-02"}}}})});
  CHECK(text(one.run(dated)["status"]) == "completed");
  const std::string invoice =
      "import dataclasses\n@dataclasses.dataclass\nclass Invoice:\n    n: int\ndef give() -> Invoice: return "
      "Invoice(1)";
  CHECK(text(one.run(chain({node("give", invoice), node("take", "def take(d: dict): return d")}))["status"]) ==
        "completed");
  CHECK(other.run(chain({node("give", invoice), node("take", "def take(d: dict): return d")})).status == 422);
}

TEST_CASE("one user's short time limit does not apply to others; hanging modules do not hold others up") {
  Daemon one;
  Daemon other = one.as_user("slow@example.org");
  const std::string code = "import time\ntime.sleep(0.4)\ndef main(x: int): return x";
  const Answer cut = other.post("/nodes/python/validate", {{"code", code}, {"timeout", 0.1}});
  CHECK(text(cut["errors"].at(0)).find("TimedOut") == 0);
  CHECK(one.post("/nodes/python/validate", {{"code", code}})["valid"] == true);
  std::vector<std::thread> hanging;
  for (int i = 0; i < 6; ++i)
    hanging.emplace_back([&, i] {
      other.apart().post("/nodes/python/validate",
                         {{"code", "while True: pass\n# " + std::to_string(i)}, {"timeout", 3}});
    });
  ::usleep(300'000);
  CHECK(seconds([&] { CHECK(text(one.run(greeting("while others hang"))["status"]) == "completed"); }) < 3.5);
  for (auto& thread : hanging) thread.join();
}

TEST_CASE("schemas and values made to be expensive") {
  Daemon one;
  json::array choices;
  for (int i = 0; i < 2000; ++i) choices.push_back(json::object{{"const", i}});
  REQUIRE(one.post("/types", {{"name", "Many"}, {"definition", {{"schema", {{"anyOf", choices}}}}}}).status == 201);
  json::object w = chain(
      {node("f", "class Many: pass\ndef f(x: Many): return x", {{"inputs", {{"x", std::string(2 << 20, 'x')}}}})});
  CHECK(seconds([&] { CHECK(one.post("/workflows/validate", w)["valid"] == false); }) < 3);
  // Models with large schemas, mentioned everywhere.
  std::string models = "from typing import *\nclass BaseModel: pass\nBaseModel.__module__ = 'pydantic.main'\n";
  for (int i = 0; i < 9; ++i)
    models += "class C" + std::to_string(i) +
              "(BaseModel):\n    @classmethod\n    def model_json_schema(cls): return {'title': 'x' * 60000}\n";
  models += "U = Union[C0, C1, C2, C3, C4, C5, C6, C7, C8]\n";
  for (int f = 0; f < 60; ++f) {
    models += "def f" + std::to_string(f) + "(";
    for (int p = 0; p < 20; ++p) models += "p" + std::to_string(p) + ": U, ";
    models += "): ...\n";
  }
  const Answer large = one.post("/nodes/python/validate", {{"code", models}});
  CHECK(large.status == 200);
  CHECK(large.body.size() < (16U << 20U));
  for (int i = 0; i < 60; ++i) {
    std::string wide = "from typing import *\nT = Tuple[";
    for (int n = 0; n < 100; ++n) wide += "Optional[int], ";
    wide += "]\n";
    for (int f = 0; f < 10; ++f) wide += "def f" + std::to_string(f) + "(a: T, b: T, c: T, d: T, e: T): ...\n";
    one.post("/nodes/python/validate", {{"code", wide + "# " + std::to_string(i)}});
  }
  CHECK(resident_kib(one) < 600'000 * kSanitizerTimes);
}
