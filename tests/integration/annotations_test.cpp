// Annotations that resist, that cannot be resolved, and that come from packages.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/integration/describing.hpp"

using namespace qflow::test;
using namespace qflow::test::describing;

TEST_CASE("annotations that cannot be resolved are reported") {
  const std::string code = R"(
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from somewhere import Film
def main(a: Flim, b: "the number of items", c: list[Film], d: int) -> None: ...
)";
  for (const std::string& python : pythons()) {
    INFO(python);
    const Answer answer = daemon().post("/nodes/python/validate", {{"code", code}, {"python_version", python}});
    const std::string warnings = json::serialize(answer["warnings"]);
    INFO(warnings);
    CHECK(answer["valid"] == true);
    CHECK(warnings.find("mentions 'Flim', which is not defined when the code runs; it is treated as Any") !=
          std::string::npos);
    CHECK(warnings.find("'Film'") != std::string::npos);
    CHECK(warnings.find("'the number of items' is not a type") != std::string::npos);
    CHECK(text(answer["description"].at("functions").at(0).at("inputs").at(2).at("python_type")) == "list[Any]");
  }
  // Type parameters are not names of the module.
  for (const std::string& python : pythons())
    if (minor(python) >= 12) {
      const Answer answer = daemon().post(
          "/nodes/python/validate",
          {{"code", "from __future__ import annotations\ndef first[T](all: list[T]) -> T:\n    return all[0]"},
           {"python_version", python}});
      CHECK(answer["warnings"].as_array().empty());
    }
}

TEST_CASE("annotations that resist: they raise, recur, lie, or are not types") {
  const std::string code = R"(
import typing
class Angry(type):
    def __getattribute__(cls, name):
        if name in ("__origin__", "__args__", "__mro__"): raise RuntimeError("no")
        return super().__getattribute__(name)
class Bad(metaclass=Angry): pass
class Everything:
    def __getattr__(self, name): return self
    def __call__(self, *a): return self
deep = int
for _ in range(200):
    deep = typing.List[deep]
loop = {}
loop["a"] = loop
def main(a: Bad, b: Everything(), c: deep, d: 5, e: "not a type (", f: "__import__('os')._exit(1) if False else int",
         g: loop, h: "g" * 20000, i: lambda: 1) -> "undefined.name": ...
main.__annotations__["j"] = 7
def other(x): ...
other.__annotations__ = {"x": int, 5: str}
)";
  for (const std::string& python : pythons()) {
    INFO(python);
    const json::object d = describe(code, python, true, {{"function", "main"}});
    CHECK(text(d.at("source")) == "live");
    CHECK(function(d, "main").at("inputs").as_array().size() == 9);
    CHECK(text(port(d, "main", "f").at("type")) == "integer");
    CHECK(text(port(d, "other", "x").at("type")) == "integer");
    CHECK(text(output(d, "main").at("type")) == "any");
  }
}

TEST_CASE("annotations of numpy, pandas and pydantic") {
  const std::string code = R"(
from __future__ import annotations
from typing import Optional
import numpy as np, numpy.typing as npt, pandas as pd
from pydantic import BaseModel, Field, PositiveInt, conint, conlist, constr
class Address(BaseModel):
    street: str
class Person(BaseModel):
    """Somebody."""
    name: str = Field(min_length=2)
    age: Optional[int] = Field(default=None, ge=0)
    address: Address
def arrays(a: np.ndarray, b: npt.NDArray[np.float64], c: pd.DataFrame, d: pd.Series) -> npt.NDArray[np.int64]: ...
def people(p: Person) -> list[Person]: ...
def limited(n: conint(ge=1, lt=9), p: PositiveInt, s: constr(max_length=3, regex="^a"), l: conlist(int, min_items=2)): ...
)";
  const json::object d = describe(code, "3.11", true, {{"function", "people"}});
  CHECK(text(port(d, "arrays", "a").at("type")) == "numpy_array");
  CHECK(text(port(d, "arrays", "b").at("python_type")) == "numpy.ndarray[numpy.float64]");
  CHECK(text(port(d, "arrays", "c").at("type")) == "dataframe");
  CHECK(text(port(d, "arrays", "d").at("type")) == "any");
  CHECK(text(output(d, "arrays").at("python_type")) == "numpy.ndarray[numpy.int64]");
  CHECK(text(port(d, "people", "p").at("type")) == "object");
  const json::object& person = port(d, "people", "p").at("schema").at("$defs").at("Person").as_object();
  CHECK(person.at("properties").at("name").at("minLength") == 2);
  CHECK(text(person.at("description")) == "Somebody.");
  CHECK(json::serialize(port(d, "limited", "n").at("schema")).find(R"("minimum":1)") != std::string::npos);
  CHECK(port(d, "limited", "p").at("schema").at("exclusiveMinimum") == 0);
  CHECK(port(d, "limited", "s").at("schema").at("maxLength") == 3);
  CHECK(text(port(d, "limited", "s").at("schema").at("pattern")) == "^a");
  CHECK(text(port(d, "limited", "l").at("python_type")) == "list[int]");
  CHECK(port(d, "limited", "l").at("schema").at("minItems") == 2);
  const std::string reference = text(person.at("properties").at("address").at("$ref"));
  CHECK(reference.find("#/$defs/Person/") == 0);
}
