// Values, checked against the declared types as they pass into a function and out of it.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

json::object wired(const std::string& giver, const std::string& taker, json::object settings = {}) {
  json::object w = chain({node("give", giver), node("take", taker)});
  w["settings"] = std::move(settings);
  return w;
}

}  // namespace

TEST_CASE("values are checked against Annotated limits and the types of *args and **kwargs") {
  const std::string taker =
      "from typing import Annotated, List\nclass Ge:\n    def __init__(self, ge): self.ge = ge\n"
      "class Field:\n    def __init__(self, **words): self.__dict__.update(words)\n"
      "def take(n: List[Annotated[int, Ge(0)]], *, code: Annotated[str, Field(pattern='^[a-z]+$', max_length=3)] = "
      "'a',\n"
      "         size: Annotated[list, Field(min_length=1)] = [1]): return 1";
  for (const auto& [given, wrong] : {std::pair<std::string, std::string>{"[1, -1]",
                                                                         "input 'n' at /1: expected int with "
                                                                         "minimum 0, found int -1"},
                                     {"[True, 0]", ""}}) {
    const std::string giver = "def give():\n    return " + given;
    const Answer ran = daemon().run(wired(giver, taker));
    CHECK(text(ran["status"]) == "completed");
    CHECK(ran.body.find(wrong) != std::string::npos);
    CHECK((ran.body.find("with minimum") != std::string::npos) == !wrong.empty());
    CHECK(text(daemon().run(wired(giver, taker, {{"types", "strict"}}))["status"]) ==
          (wrong.empty() ? "completed" : "failed"));
  }
  for (const auto& [port, given, wrong] :
       {std::tuple<std::string, std::string, std::string>{"code", "'ab1'", "pattern"},
        {"code", "'abcd'", "maxLength 3"},
        {"code", "'abc'", ""},
        {"size", "[]", "minItems 1"},
        {"size", "[2]", ""}}) {
    INFO(port << given);
    json::object w = wired("def give():\n    return " + given, taker);
    w["nodes"].as_array()[1].as_object()["inputs"] = {{"n", json::array{1}}};
    w["connections"].as_array()[0].at("target").as_object()["port"] = port;
    const Answer ran = daemon().run(w);
    INFO(ran.body);
    CHECK(text(ran["status"]) == "completed");
    CHECK((ran.body.find("found") != std::string::npos) == !wrong.empty());
    CHECK(ran.body.find(wrong) != std::string::npos);
  }
  const std::string more = "def take(*rest: int, **more: int): return [rest, more]";
  CHECK(daemon().run(wired("def give() -> str:\n    return 'x'", more)).status == 422);
  const Answer late = daemon().run(wired("def give():\n    return 'x'", more));
  CHECK(text(late["error"]).find("TypeMismatch: input '*args/0': expected int, found str 'x'") == 0);
  CHECK(daemon().node(more, {{"a", 1}})["success"] == true);
  CHECK(text(daemon().node(more, {{"a", "x"}})["error"]).find("a") != std::string::npos);
  CHECK(daemon().node(more, {{"a", "x"}})["success"] == false);
}

TEST_CASE("literals become what their types say") {
  const std::string head =
      "import collections, dataclasses, datetime, decimal, enum, fractions, pathlib\n"
      "from typing import *\nT = TypeVar('T')\n"
      "@dataclasses.dataclass\nclass Row:\n    a: int\n"
      "@dataclasses.dataclass\nclass Page(Generic[T]):\n    items: List[T]\n"
      "@dataclasses.dataclass\nclass X:\n    v: int\n    kind: Literal['x'] = 'x'\n"
      "@dataclasses.dataclass\nclass Y:\n    v: Union[int, str]\n    kind: Literal['y'] = 'y'\n"
      "class E(enum.Enum):\n    A = 'a'\n";
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"List[Union[X, Y]]", R"([{"v":1,"kind":"x"},{"v":2,"kind":"y"}])", "[X(v=1, kind='x'), Y(v=2, kind='y')]"},
      {"Union[X, Y]", R"({"v":"s"})", "Y(v='s', kind='y')"},
      {"Page[Row]", R"({"items":[{"a":1}]})", "Page(items=[Row(a=1)])"},
      {"Page[datetime.date]", R"({"items":["2026-11-23"]})", "Page(items=[datetime.date(2026, 11, 23)])"},
      {"datetime.timedelta", "5", "datetime.timedelta(seconds=5)"},
      {"Optional[datetime.timedelta]", "1.5", "datetime.timedelta(seconds=1, microseconds=500000)"},
      {"decimal.Decimal", "9.99", "Decimal('9.99')"},
      {"Counter[str]", R"({"a":1})", "Counter({'a': 1})"},
      {"OrderedDict[str, int]", R"({"a":1})", "OrderedDict"},
      {"DefaultDict[str, int]", R"({"a":1})", "defaultdict(None, {'a': 1})"},
      {"Iterator[int]", "[1]", "list_iterator"},
      {"int", "1e18", "1000000000000000000"},
      {"fractions.Fraction", "\"1/3\"", "Fraction(1, 3)"},
      {"complex", "\"1+2j\"", "(1+2j)"},
      {"Dict[datetime.date, int]", R"({"2026-11-23":1})", "{datetime.date(2026, 11, 23): 1}"},
      {"Dict[E, int]", R"({"a":1})", "E.A"},
      {"pathlib.PurePosixPath", "\"/a\"", "PurePosixPath('/a')"}};
  for (const auto& [type, literal, shown] : cases) {
    INFO(type);
    json::object one = node("main", head + "def main(x: " + type + ") -> str:\n    return repr(x)");
    one["inputs"] = {{"x", json::parse(literal)}};
    json::object w = chain({one});
    w["settings"] = {{"types", "strict"}};
    const Answer ran = daemon().run(w);
    INFO(ran.body);
    CHECK(text(ran["status"]) == "completed");
    CHECK(text(ran["data"].at("outputs").at("main")).find(shown) != std::string::npos);
  }
}

TEST_CASE("enum members and named tuples of another node's class become this node's own, inside collections too") {
  const std::string head =
      "import enum\nfrom typing import *\nclass E(enum.Enum):\n    A = 1\nclass N(NamedTuple):\n    x: int\n";
  for (const auto& [type, value, check] : {std::tuple{"List[E]", "[E.A]", "v[0] is E.A"},
                                           {"Set[E]", "{E.A}", "E.A in v"},
                                           {"Dict[E, int]", "{E.A: 1}", "v[E.A] == 1"},
                                           {"List[N]", "[N(1)]", "isinstance(v[0], N)"},
                                           {"Literal[E.A]", "E.A", "v is E.A"},
                                           {"E", "E.A", "v is E.A"}}) {
    const Answer ran =
        daemon().run(wired(head + "def give() -> " + type + ": return " + value,
                           head + "def take(v: " + type + ") -> bool: return " + check, {{"types", "strict"}}));
    INFO(type << ran.body);
    CHECK(ran["data"].at("outputs").at("take") == true);
  }
}

TEST_CASE("functions with decorators and generic signatures are called in a way they accept") {
  for (const char* code :
       {"import functools\ndef by_position(f):\n    @functools.wraps(f)\n    def inner(*args): return f(*args)\n"
        "    return inner\n@by_position\ndef main(x: int, y: int = 2) -> int: return x + y",
        "import functools\ndef by_name(f):\n    @functools.wraps(f)\n    def inner(**named): return f(**named)\n"
        "    return inner\n@by_name\ndef main(x: int, y: int = 2) -> int: return x + y",
        "import functools\n@functools.singledispatch\ndef main(x) -> int: return 0\n@main.register\n"
        "def _(x: int) -> int: return x + 2"}) {
    const Answer ran = daemon().node(code, {{"x", 1}}, {{"function", "main"}});
    INFO(std::string(code) << ran.body);
    CHECK(ran["output"] == 3);
  }
  for (const char* rest : {"*x: *tuple[int, str]", "*x: Unpack[tuple[int, ...]]"}) {
    json::object w = flow({node("a", "def a() -> int: return 1"), node("b", "def b() -> str: return 's'"),
                           node("c", std::string("from typing import *\ndef c(") + rest + ") -> int: return len(x)")},
                          {{"a", "c"}, {"b", "c"}});
    w["settings"] = {{"types", "strict"}};
    const Answer ran = daemon().run(w);
    INFO(ran.body);
    CHECK(text(ran["status"]) == "completed");
  }
}

TEST_CASE("outputs are checked against the declared return type") {
  const Answer wrong = daemon().node("def main() -> int:\n    return 'x'");
  CHECK(wrong["success"] == false);
  CHECK(text(wrong["error"]) == "TypeMismatch: output: expected int, found str 'x'");
  CHECK(daemon().node("def main() -> 'list[int]':\n    return [1, 'x']")["success"] == true);
  const Answer inner = daemon().node("def main() -> 'dict[str, list[int]]':\n    return {'a': [1, 'x']}");
  CHECK(text(inner["warnings"].at(0)) == "output at /a/1: expected int, found str 'x'");
  for (const char* good : {"def main() -> float:\n    return 3", "def main() -> 'int | None':\n    return None",
                           "from typing import *\ndef main() -> Iterator[int]:\n    yield 1",
                           "async def main() -> str:\n    return 'x'", "def main() -> object:\n    return {}",
                           "from typing import *\ndef main() -> Iterator[int]:\n    return iter([1])",
                           "import enum\nclass C(enum.Enum):\n    A = 1\ndef main() -> C:\n    return C.A",
                           "from typing import *\ndef main() -> Tuple[int, ...]:\n    return (1, 2)"}) {
    const Answer answer = daemon().node(good);
    INFO(std::string(good) << answer.body);
    CHECK(answer["success"] == true);
    CHECK(answer["warnings"].as_array().empty());
  }
}

TEST_CASE("conversions on a connection: tuples to lists, whole floats to integers, dicts to records and back") {
  const auto value = [](const std::string& giver, const std::string& taker) {
    const Answer done = daemon().run(wired(giver, taker));
    INFO(done.body);
    return text(done["status"]) == "completed" ? json::serialize(done["data"].at("outputs").at("take"))
                                               : text(done["error"]);
  };
  CHECK(value("def give() -> tuple: return (1, 2)", "def take(v: list) -> list:\n    v.append(3)\n    return v") ==
        "[1,2,3]");
  CHECK(value("def give(): return 2.0", "def take(n: int): return n") == "2");
  CHECK(value("def give(): return 2.5", "def take(n: int): return n").find("expected int, found float 2.5") !=
        std::string::npos);
  const std::string point = "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    y: int = 2\n";
  CHECK(value("def give() -> dict: return {'x': 1}", point + "def take(p: Point): return p.x + p.y") == "3");
  CHECK(value(point + "def give() -> Point: return Point(1)", "def take(p: dict): return p['y']") == "2");
  // Two nodes, each with its own class: the fields decide.
  CHECK(value(point + "def give() -> Point: return Point(4)", point + "def take(p: Point): return p.x") == "4");
  CHECK(
      value("def give(): return {'z': 1}", point + "def take(p: Point): return 0").find("expected Point, found dict") !=
      std::string::npos);
}
