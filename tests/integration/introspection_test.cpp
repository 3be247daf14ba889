// Descriptions of live functions on every Python of this build, and descriptions from the text where a module is not
// executed.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/integration/describing.hpp"

using namespace qflow::test;
using namespace qflow::test::describing;

namespace {

// An annotation and its expected description; `since`: the first minor version of Python 3 that can evaluate it.
struct Row {
  const char* annotation;
  const char* type;
  const char* python;
  bool nullable = false;
  int since = 8;
};
constexpr Row kRows[] = {{"int", "integer", "int"},
                         {"str", "string", "str"},
                         {"float", "float", "float"},
                         {"bool", "boolean", "bool"},
                         {"None", "null", "None"},
                         {"bytes", "file", "bytes"},
                         {"complex", "any", "complex"},
                         {"object", "any", "object"},
                         {"Any", "any", "Any"},
                         {"list", "list", "list"},
                         {"List[int]", "list", "list[int]"},
                         {"Dict[str, List[float]]", "dict", "dict[str, list[float]]"},
                         {"Set[str]", "set", "set[str]"},
                         {"FrozenSet[int]", "set", "frozenset[int]"},
                         {"Tuple[int, str]", "tuple", "tuple[int, str]"},
                         {"Tuple[int, ...]", "tuple", "tuple[int, ...]"},
                         {"Tuple[()]", "tuple", "tuple[()]"},
                         {"Sequence[int]", "list", "Sequence[int]"},
                         {"Iterable[str]", "list", "Iterable[str]"},
                         {"Mapping[str, int]", "dict", "Mapping[str, int]"},
                         {"Optional[int]", "integer", "int | None", true},
                         {"Union[int, float]", "number", "int | float"},
                         {"Union[int, str]", "any", "int | str"},
                         {"Literal['a', 'b']", "string", "Literal['a', 'b']"},
                         {"Literal[1, None]", "integer", "Literal[1, None]", true},
                         {"Callable[[int], str]", "any", "Callable[[int], str]"},
                         {"Point", "object", "Point"},
                         {"List[Point]", "list", "list[Point]"},
                         {"Frozen", "object", "Frozen"},
                         {"Movie", "dict", "Movie"},
                         {"Pair", "tuple", "Pair"},
                         {"Color", "any", "Color"},
                         {"UserId", "integer", "UserId"},
                         {"T", "any", "Any"},
                         {"HasX", "any", "HasX"},
                         {"Path", "file", "pathlib.Path"},
                         {"Decimal", "any", "decimal.Decimal"},
                         {"Number", "number", "numbers.Number"},
                         {"'Later'", "object", "Later"},
                         {"Optional['Later']", "object", "Later | None", true},
                         {"DefaultDict[str, int]", "dict", "defaultdict[str, int]"},
                         {"Deque[int]", "list", "deque[int]"},
                         {"list[int]", "list", "list[int]", false, 9},
                         {"dict[str, list[int]]", "dict", "dict[str, list[int]]", false, 9},
                         {"collections.Counter[str]", "dict", "Counter[str]", false, 9},
                         {"Annotated[int, 'how many']", "integer", "int", false, 9},
                         {"int | None", "integer", "int | None", true, 10},
                         {"list[int] | None", "list", "list[int] | None", true, 10},
                         {"int | float", "number", "int | float", false, 10}};

constexpr const char* kHead = R"(
import collections, dataclasses, enum
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number
from pathlib import Path
from typing import (Any, Callable, DefaultDict, Deque, Dict, FrozenSet, Generic, Iterable, List, Literal, Mapping, NamedTuple,
                    NewType, Optional, Protocol, Sequence, Set, Tuple, TypedDict, TypeVar, Union)
try:
    from typing import Annotated
except ImportError:
    pass
T = TypeVar("T")
@dataclass
class Point:
    "A place."
    x: int
    y: float = 0.5
    tags: List[str] = dataclasses.field(default_factory=list)
@dataclass(frozen=True)
class Frozen:
    point: Point
    name: str = "f"
class Movie(TypedDict):
    title: str
    year: int
class Draft(TypedDict, total=False):
    title: str
class Pair(NamedTuple):
    left: int
    right: str = "r"
class Color(enum.Enum):
    RED = "red"
    GREEN = "green"
class HasX(Protocol):
    x: int
UserId = NewType("UserId", int)
)";
constexpr const char* kTail = R"(
@dataclass
class Later:
    me: Optional['Later'] = None
)";

std::string module_of_rows(int minor_version, bool future) {
  std::string code = future ? "from __future__ import annotations\n" : "";
  code += kHead;
  for (std::size_t i = 0; i < std::size(kRows); ++i)
    if (future || kRows[i].since <= minor_version)
      code += "def f" + std::to_string(i) + "(a: " + kRows[i].annotation + ") -> " + kRows[i].annotation + ": ...\n";
  return code + kTail;
}

void check_rows(const json::object& description, int minor_version, bool all) {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    // An annotation that this Python cannot evaluate is described only if it is postponed or only read.
    if (!all && kRows[i].since > minor_version) continue;
    const json::object& in = port(description, "f" + std::to_string(i), "a");
    INFO(kRows[i].annotation << " " << json::serialize(in));
    CHECK(text(in.at("type")) == kRows[i].type);
    CHECK(text(in.at("python_type")) == kRows[i].python);
    CHECK(in.at("nullable").as_bool() == kRows[i].nullable);
    CHECK(text(output(description, "f" + std::to_string(i)).at("type")) == kRows[i].type);
  }
}

}  // namespace

TEST_CASE("annotations of every kind, on every Python, evaluated, postponed and only read") {
  for (const std::string& python : pythons()) {
    INFO(python);
    const json::object live = describe(module_of_rows(minor(python), false), python);
    CHECK(text(live.at("source")) == "live");
    check_rows(live, minor(python), false);
    // Postponed (PEP 563): also annotations that this Python could not evaluate (PEP 585, PEP 604).
    check_rows(describe(module_of_rows(minor(python), true), python), minor(python), true);
    const json::object read = describe(module_of_rows(minor(python), true), python, false);
    CHECK(text(read.at("source")) == "static");
    check_rows(read, minor(python), true);
  }
}

TEST_CASE("PEP 695 where the version has it: type aliases and type parameters") {
  for (const std::string& python : pythons()) {
    if (minor(python) < 12) continue;
    INFO(python);
    const json::object d = describe(
        "type Row = dict[str, int]\ntype ListOf[T] = list[T]\n"
        "class Box[T]:\n    value: T\n"
        "def first[T](rows: list[T], row: Row, many: ListOf[int], box: Box[int]) -> T: return rows[0]\n",
        python);
    CHECK(text(port(d, "first", "rows").at("python_type")) == "list[Any]");
    CHECK(text(port(d, "first", "row").at("python_type")) == "dict[str, int]");
    CHECK(text(port(d, "first", "many").at("python_type")) == "list[int]");
    CHECK(text(port(d, "first", "box").at("python_type")) == "Box[int]");
    CHECK(text(output(d, "first").at("type")) == "any");
  }
}

TEST_CASE("defaults, kinds, and what is really called: wraps, partial, objects, methods, coroutines, generators") {
  const std::string code = R"(
import functools
from typing import Any, AsyncIterator, Callable, Iterator, List, TypeVar
def traced(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return f(*args, **kwargs)
    return inner
@traced
def wrapped(a: int, b: str = "x") -> bool: return True
def kinds(a, /, b: int, *rest, c: float = 1.5, d=object(), **more) -> None: ...
def base(a: int, b: str, c: float = 2.0) -> str: return ""
part = functools.partial(base, 1, c=3.0)
part.__module__ = __name__
class Greeter:
    def __init__(self, greeting: str = "hi"): self.greeting = greeting
    def greet(self, name: str) -> str: return self.greeting + name
    def __call__(self, times: int) -> List[str]: return [self.greeting] * times
    @staticmethod
    def count(words: List[str]) -> int: return len(words)
    @classmethod
    def make(cls, greeting: str) -> "Greeter": return cls(greeting)
greeter = Greeter()
async def later(n: int) -> str: return "x"
def numbers(n: int) -> Iterator[int]:
    yield n
async def stream(n: int) -> AsyncIterator[str]:
    yield "x"
def typed(a: int, *rest: float, **more: List[int]) -> None: ...
def mutable(a=[1, {"k": None}], b=(1, 2), c=float("inf"), d=None): ...
)";
  for (const std::string& python : pythons()) {
    INFO(python);
    const json::object d = describe(code, python, true, {{"function", "wrapped"}});
    CHECK(text(port(d, "wrapped", "a").at("type")) == "integer");
    CHECK(port(d, "wrapped", "b").at("default") == json::value("x"));
    CHECK(port(d, "wrapped", "b").at("required") == false);
    CHECK(text(output(d, "wrapped").at("type")) == "boolean");
    CHECK(text(port(d, "kinds", "a").at("kind")) == "positional");
    CHECK(text(port(d, "kinds", "b").at("kind")) == "either");
    CHECK(text(port(d, "kinds", "c").at("kind")) == "keyword");
    CHECK(port(d, "kinds", "c").at("default") == json::value(1.5));
    CHECK_FALSE(port(d, "kinds", "d").contains("default"));
    CHECK(text(port(d, "kinds", "d").at("default_text")).find("object") != std::string::npos);
    CHECK(function(d, "kinds").at("takes_more_positional") == true);
    CHECK(function(d, "kinds").at("takes_more_named") == true);
    CHECK(text(function(d, "kinds").at("more_named_type")) == "Any");
    for (const json::object& read : {d, describe(code, python, false)}) {
      CHECK(text(function(read, "typed").at("more_positional_type")) == "float");
      CHECK(text(function(read, "typed").at("more_named_type")) == "list[int]");
      const json::value& more = function(read, "typed").at("input_schema").at("additionalProperties");
      CHECK(more.at("items").at("type") == "integer");
    }
    CHECK(function(d, "part").at("inputs").as_array().size() == 2);
    CHECK(port(d, "part", "b").at("required") == true);
    CHECK(port(d, "part", "c").at("required") == false);
    CHECK(port(d, "part", "c").at("default") == json::value(3.0));
    CHECK(text(port(d, "greeter", "times").at("type")) == "integer");
    CHECK(text(output(d, "greeter").at("python_type")) == "list[str]");
    CHECK(function(d, "later").at("is_async") == true);
    CHECK(text(output(d, "later").at("type")) == "string");
    CHECK(function(d, "numbers").at("is_generator") == true);
    CHECK(text(output(d, "numbers").at("python_type")) == "list[int]");
    CHECK(text(output(d, "stream").at("python_type")) == "list[str]");
    CHECK(json::serialize(port(d, "mutable", "a").at("default")) == R"([1,{"k":null}])");
    CHECK_FALSE(port(d, "mutable", "b").contains("default"));
    CHECK(text(port(d, "mutable", "b").at("default_text")) == "(1, 2)");
    for (const auto& [method, parameter] : {std::pair{"Greeter.greet", "name"},
                                            {"Greeter.count", "words"},
                                            {"Greeter.make", "greeting"},
                                            {"Greeter", "greeting"}}) {
      const json::object m = describe(code, python, true, {{"function", method}});
      CHECK(text(m.at("function")) == method);
      CHECK(text(port(m, method, parameter).at("name")) == parameter);
      CHECK(function(m, method).at("inputs").as_array().size() == 1);
    }
  }
}

TEST_CASE("keyword arguments of a TypedDict's fields are parameters (PEP 692)") {
  const std::string code = R"(
from __future__ import annotations
from typing import TypedDict
try:
    from typing import NotRequired, Unpack
except ImportError:
    from typing_extensions import NotRequired, Unpack
class Options(TypedDict):
    title: str
    size: NotRequired[int]
def main(n: int, **options: Unpack[Options]) -> str:
    return options["title"] * n
)";
  for (const std::string& python : pythons()) {
    if (minor(python) < 11) continue;
    INFO(python);
    const json::object d = describe(code, python);
    CHECK(text(port(d, "main", "title").at("type")) == "string");
    CHECK(port(d, "main", "title").at("required") == true);
    CHECK(port(d, "main", "size").at("required") == false);
    CHECK(text(port(d, "main", "size").at("kind")) == "keyword");
    const Answer ran = daemon().node(code, {{"n", 2}, {"title", "x"}}, {{"python_version", python}});
    CHECK(text(ran["output"]) == "xx");
    CHECK(daemon().node(code, {{"n", 2}, {"title", 5}}, {{"python_version", python}})["success"] == false);
  }
}

TEST_CASE("schemas: limits, classes, everything that a form needs") {
  const std::string code = std::string(kHead) + R"(
class Ge:
    def __init__(self, ge): self.ge = ge
class Field:
    def __init__(self, **words): self.__dict__.update(words)
def form(point: Point, movie: Movie, draft: Draft, pair: Pair, color: Color, ids: Dict[int, List[UserId]],
         maybe: Optional[Point] = None, choice: Literal["a", "b"] = "a") -> Frozen: ...
import datetime, decimal
class Rude(datetime.date):
    def isoformat(self): return 7
def initial(color: Color = Color.GREEN, many: List[Color] = [Color.RED], day: datetime.date = datetime.date(2024, 1, 2),
            price: decimal.Decimal = decimal.Decimal("1.10"), point: Point = Point(1.0),
            rude=Rude(2024, 1, 2), large=[datetime.date(2024, 1, 2)] * 2000): ...
)" +
                           (true ? R"(
try:
    def limits(n: Annotated[int, Ge(0), Field(lt=10, multiple_of=2)], s: Annotated[str, Field(min_length=1, pattern="^a")],
               l: Annotated[List[int], Field(max_length=3, description="a few")]) -> None: ...
except NameError:
    pass
)"
                                 : "");
  for (const std::string& python : pythons()) {
    INFO(python);
    const json::object d = describe(code, python, true, {{"function", "form"}});
    const json::object& schema = function(d, "form").at("input_schema").as_object();
    const json::object& defs = schema.at("$defs").as_object();
    CHECK(text(schema.at("$schema")) == "https://json-schema.org/draft/2020-12/schema");
    CHECK(json::serialize(schema.at("required")) == R"(["point","movie","draft","pair","color","ids"])");
    CHECK(json::serialize(schema.at("properties").at("point")) == R"({"$ref":"#/$defs/Point"})");
    CHECK(json::serialize(defs.at("Point").at("required")) == R"(["x"])");
    CHECK(defs.at("Point").at("properties").at("y").at("default") == json::value(0.5));
    CHECK(text(defs.at("Point").at("description")) == "A place.");
    CHECK(json::serialize(defs.at("Movie").at("required")) == R"(["title","year"])");
    CHECK_FALSE(defs.at("Draft").as_object().contains("required"));
    CHECK(json::serialize(defs.at("Color").at("enum")) == R"(["red","green"])");
    CHECK(defs.at("Pair").at("minItems") == 1);
    CHECK(defs.at("Pair").at("maxItems") == 2);
    CHECK(json::serialize(schema.at("properties").at("choice")) == R"({"enum":["a","b"],"default":"a"})");
    CHECK(schema.at("additionalProperties") == false);
    const json::object& initial = function(d, "initial").at("input_schema").at("properties").as_object();
    CHECK(text(initial.at("color").at("default")) == "green");
    CHECK(json::serialize(initial.at("many").at("default")) == R"(["red"])");
    CHECK(text(initial.at("day").at("default")) == "2024-01-02");
    CHECK(text(initial.at("price").at("default")) == "1.10");
    for (const char* name : {"point", "rude", "large"}) CHECK_FALSE(initial.at(name).as_object().contains("default"));
    const json::object& out = function(d, "form").at("output_schema").as_object();
    CHECK(json::serialize(out.at("$defs").at("Frozen").at("properties").at("point")) == R"({"$ref":"#/$defs/Point"})");
    if (minor(python) < 9) continue;
    CHECK(json::serialize(port(d, "limits", "n").at("schema").at("minimum")) == "0");
    CHECK(port(d, "limits", "n").at("schema").at("exclusiveMaximum") == 10);
    CHECK(port(d, "limits", "n").at("schema").at("multipleOf") == 2);
    CHECK(port(d, "limits", "s").at("schema").at("minLength") == 1);
    CHECK(text(port(d, "limits", "s").at("schema").at("pattern")) == "^a");
    CHECK(port(d, "limits", "l").at("schema").at("maxItems") == 3);
    CHECK(text(port(d, "limits", "l").at("schema").at("description")) == "a few");
  }
}
