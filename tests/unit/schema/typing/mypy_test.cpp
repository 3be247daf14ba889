// Our answer to "may an A be used where a B is declared?" against mypy's, for thousands of pairs. The types come from
// annotations of live functions, as in the daemon.
#include <pybind11/embed.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "pyhost/node/modules.hpp"
#include "schema/typing/assignable.hpp"

namespace py = pybind11;
using namespace qflow;
using schema::Rules;
using schema::Type;

namespace {

// The classes used in the pairs.
constexpr const char* kPreamble = R"(
from __future__ import annotations
import collections, dataclasses, enum
from collections.abc import (Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, MutableMapping,
                             MutableSequence, Sequence, Sized)
from typing import (Any, Annotated, Dict, Generic, List, Literal, NamedTuple, NewType, Optional, Protocol, Tuple, TypedDict,
                    TypeVar, Union)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
class Color(enum.Enum):
    RED = 1
    GREEN = 2
class Number(enum.IntEnum):
    ONE = 1
@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0
@dataclasses.dataclass
class Point3(Point):
    z: int = 0
@dataclasses.dataclass(frozen=True)
class Fixed:
    x: int
    name: str
class Movie(TypedDict):
    title: str
    year: int
class Film(TypedDict):
    title: str
    year: int
    length: float
class Draft(TypedDict, total=False):
    title: str
    year: int
class Loose(TypedDict):
    title: object
class Pair(NamedTuple):
    left: int
    right: str
class Plain:
    def greet(self) -> str:
        return ""
class Sub(Plain):
    pass
class Box(Generic[T]):
    def get(self) -> T:
        raise NotImplementedError
class IntBox(Box[int]):
    pass
class Source(Generic[T_co]):
    def pull(self) -> T_co:
        raise NotImplementedError
class Numbers(List[int]):
    pass
class HasX(Protocol):
    x: int
class ReadsX(Protocol):
    @property
    def x(self) -> float: ...
class Greets(Protocol):
    def greet(self) -> str: ...
class HasLength(Protocol):
    def __len__(self) -> int: ...
class Gets(Protocol[T_co]):
    def get(self) -> T_co: ...
UserId = NewType("UserId", int)
)";

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string type(int depth) {
    if (depth == 0 || chance(0.35)) return pick(kAtoms);
    switch (below(14)) {
      case 0:
        return "Optional[" + type(depth - 1) + "]";
      case 1:
        return "Union[" + type(depth - 1) + ", " + type(depth - 1) + "]";
      case 2:
        return type(depth - 1) + " | " + type(depth - 1);
      case 3:
        return "tuple[" + type(depth - 1) + ", ...]";
      case 4:
        return "tuple[" + type(depth - 1) + ", " + type(depth - 1) + "]";
      case 5:
        return "Tuple[" + type(depth - 1) + "]";
      case 6:
        return "Callable[[" + type(depth - 1) + "], " + type(depth - 1) + "]";
      case 7:
        return "Annotated[" + type(depth - 1) + ", 'note']";
      case 8:
      case 9:
        return pick(kMappings) + "[" + (chance(0.7) ? "str" : pick(kKeys)) + ", " + type(depth - 1) + "]";
      default:
        return pick(kContainers) + "[" + type(depth - 1) + "]";
    }
  }

  // A type that is likely to be related to `from`: some of its words are replaced by wider ones.
  std::string relative(const std::string& from) {
    static const std::vector<std::pair<std::string, std::vector<std::string>>> kWider{
        {"bool", {"int", "float", "object", "Optional[bool]"}},
        {"int", {"float", "complex", "int | str", "object", "Any", "Literal[1]"}},
        {"float", {"complex", "int", "float | None"}},
        {"str", {"object", "Sequence[str]", "Optional[str]", "Literal['a']", "Iterable[str]"}},
        {"list", {"Sequence", "Iterable", "MutableSequence", "Collection", "List"}},
        {"set", {"Collection", "Iterable", "frozenset"}},
        {"frozenset", {"Collection", "set"}},
        {"dict", {"Mapping", "MutableMapping", "Dict"}},
        {"Sequence", {"Iterable", "Collection", "list"}},
        {"Point3", {"Point", "object", "HasX", "ReadsX"}},
        {"Point", {"HasX", "ReadsX", "Point3"}},
        {"Fixed", {"HasX", "ReadsX"}},
        {"Film", {"Movie", "Mapping[str, object]", "Loose"}},
        {"Movie", {"Mapping[str, object]", "Draft", "Film", "dict[str, Any]"}},
        {"Sub", {"Plain", "Greets"}},
        {"Plain", {"Greets", "Sub"}},
        {"IntBox", {"Box[int]", "Box[float]", "Gets[int]", "Gets[float]"}},
        {"Box", {"Gets"}},
        {"Numbers", {"list[int]", "Sequence[float]", "list[float]"}},
        {"Number", {"int", "float", "Literal[Number.ONE]"}},
        {"Pair", {"tuple[int, str]", "tuple[float, object]", "Sequence[int | str]", "tuple[int]"}},
        {"Color", {"Literal[Color.RED, Color.GREEN]", "Literal[Color.RED]", "object"}},
        {"UserId", {"int", "float"}},
        {"None", {"Optional[int]", "object", "Hashable"}},
        {"Tuple", {"tuple", "Sequence"}},
        {"Hashable", {"object"}}};
    std::string out;
    for (std::size_t i = 0; i < from.size();) {
      std::size_t end = i;
      while (end < from.size() && (std::isalnum(static_cast<unsigned char>(from[end])) != 0 || from[end] == '_')) ++end;
      if (end == i) {
        out += from[i++];
        continue;
      }
      std::string word = from.substr(i, end - i);
      const auto literal = out.rfind("Literal[");
      const bool inside_literal = literal != std::string::npos && out.find(']', literal) == std::string::npos;
      if (!inside_literal && word != "Literal" && chance(0.4))
        for (const auto& [name, wider] : kWider)
          if (name == word) {
            std::string chosen = pick(wider);
            // Where arguments follow, only a bare class name replaces a bare class name.
            const bool arguments = end < from.size() && from[end] == '[';
            if (!arguments || chosen.find_first_of("[|") == std::string::npos) {
              const bool generic = std::string(
                                       " Sequence Iterable MutableSequence Collection List Mapping MutableMapping "
                                       "Dict frozenset set list tuple Gets ")
                                       .find(" " + chosen + " ") != std::string::npos;
              if (arguments == generic || (!arguments && !generic)) word = chosen;
            }
            break;
          }
      out += word;
      i = end;
    }
    return out;
  }

  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  static const std::vector<std::string> kAtoms, kContainers, kMappings, kKeys;
  std::mt19937 random_;
};

const std::vector<std::string> Generator::kAtoms{"int",
                                                 "float",
                                                 "complex",
                                                 "bool",
                                                 "str",
                                                 "bytes",
                                                 "None",
                                                 "object",
                                                 "Any",
                                                 "Literal[1]",
                                                 "Literal['a', 'b']",
                                                 "Literal['a']",
                                                 "Literal[True]",
                                                 "Literal[1, None]",
                                                 "Color",
                                                 "Literal[Color.RED]",
                                                 "Number",
                                                 "Point",
                                                 "Point3",
                                                 "Fixed",
                                                 "Movie",
                                                 "Film",
                                                 "Draft",
                                                 "Loose",
                                                 "Pair",
                                                 "Plain",
                                                 "Sub",
                                                 "IntBox",
                                                 "Box[int]",
                                                 "Source[int]",
                                                 "Numbers",
                                                 "HasX",
                                                 "ReadsX",
                                                 "Greets",
                                                 "HasLength",
                                                 "Gets[int]",
                                                 "UserId",
                                                 "Hashable",
                                                 "Sized",
                                                 "range",
                                                 "bytearray",
                                                 "int",
                                                 "str",
                                                 "float",
                                                 "bool",
                                                 "str",
                                                 "int"};
const std::vector<std::string> Generator::kContainers{
    "list",      "List",       "Sequence",        "Iterable",          "Iterator", "set",
    "frozenset", "Collection", "MutableSequence", "collections.deque", "Container"};
const std::vector<std::string> Generator::kMappings{
    "dict", "Dict", "Mapping", "MutableMapping", "collections.defaultdict", "collections.OrderedDict"};
const std::vector<std::string> Generator::kKeys{"int", "bool", "Literal['a']", "tuple[int, int]"};

struct Pair {
  std::string source, target;
};

std::vector<Pair> make_pairs(unsigned seed, std::size_t count) {
  Generator generator(seed);
  std::vector<Pair> pairs;
  while (pairs.size() < count) {
    Pair pair;
    pair.source = generator.type(3);
    pair.target = generator.chance(0.75) ? generator.relative(pair.source) : generator.type(2);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

// The indexes of the pairs that mypy refuses.
std::set<std::size_t> ask_mypy(const std::vector<Pair>& pairs) {
  const auto directory = std::filesystem::temp_directory_path() / ("qflow-mypy-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto file = directory / "pairs.py";
  std::ofstream out(file);
  out << kPreamble;
  const std::string preamble = kPreamble;
  std::size_t line = static_cast<std::size_t>(std::count(preamble.begin(), preamble.end(), '\n')) + 1;
  std::map<std::size_t, std::size_t> pair_at;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    // A parameter, because mypy narrows a variable to the type of the assigned value.
    out << "def f" << i << "(a: " << pairs[i].source << ") -> None:\n    b: " << pairs[i].target << " = a\n";
    pair_at[line + 1] = i;
    line += 2;
  }
  out.close();
  const std::string command =
      "/usr/bin/python3 -m mypy --no-incremental --cache-dir=/dev/null --no-error-summary --python-version 3.11 " +
      file.string() + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  char bytes[4096];
  for (std::size_t got = 0; (got = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) said.append(bytes, got);
  const int status = ::pclose(pipe);
  std::filesystem::remove_all(directory);
  REQUIRE((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1));
  std::set<std::size_t> refused;
  std::istringstream lines(said);
  for (std::string one; std::getline(lines, one);) {
    const auto colon = one.find("pairs.py:");
    if (colon == std::string::npos || one.find(": error:") == std::string::npos) continue;
    const auto at = pair_at.find(std::stoul(one.substr(colon + 9)));
    // Any other error means that the pair itself is invalid.
    if (at == pair_at.end() || one.find("Incompatible types in assignment") == std::string::npos) FAIL(one);
    refused.insert(at->second);
  }
  return refused;
}

struct Read {
  Type source, target;
  schema::Classes classes;
};

std::vector<Read> read_live(const std::vector<Pair>& pairs) {
  std::vector<Read> out;
  constexpr std::size_t kTogether = 100;
  for (std::size_t first = 0; first < pairs.size(); first += kTogether) {
    std::string code = kPreamble;
    const std::size_t last = std::min(pairs.size(), first + kTogether);
    for (std::size_t i = first; i < last; ++i)
      code += "def f" + std::to_string(i) + "(a: " + pairs[i].source + ", b: " + pairs[i].target + "): ...\n";
    pyhost::Modules modules;
    schema::Load load;
    load.file = "pairs.py";
    load.describe = true;
    const schema::Loaded loaded = modules.load(1, load, code);
    const schema::Classes classes = loaded.classes ? schema::classes_from_json(*loaded.classes) : schema::Classes{};
    INFO(loaded.functions.size() << " " << loaded.functions.back().name);
    REQUIRE(loaded.functions.size() == last - first);
    for (const auto& function : loaded.functions) {
      const auto type_of = [&](std::size_t i) {
        const auto& shape = function.parameters.at(i).shape;
        return shape ? schema::type_from_json(*shape) : Type::any();
      };
      out.push_back({type_of(0), type_of(1), classes});
    }
    modules.forget_all();
  }
  return out;
}

}  // namespace

// Why we differ from mypy 1.0 on purpose for this pair; null if we do not.
const char* intended(const Pair& pair) {
  const auto both = [&](const char* in_source, const char* in_target) {
    return pair.source.find(in_source) != std::string::npos && pair.target.find(in_target) != std::string::npos;
  };
  if (both("Number", "Literal[Number.ONE]"))
    return "an enumeration of one member is that member, by the typing specification";
  if (both("tuple[Any, ...]", "uple["))
    return "tuple[Any, ...] fits tuples of every length, by the typing specification; mypy 1.0 refuses them";
  for (const char* mapping : {"Dict", "dict", "Mapping", "Movie", "Film", "Draft", "Loose"})
    if (both(mapping, "Gets"))
      return "methods of Python's own classes are known by name, not by signature: dict.get counts as any get()";
  // On either side: an invariant argument is compared in both directions.
  const std::string all = pair.source + " " + pair.target;
  for (const char* changeable : {"Movie", "Film", "Draft", "Loose", "bytearray"})
    if (all.find(changeable) != std::string::npos && all.find("Hashable") != std::string::npos)
      return "a TypedDict is a dict and has no hash, nor does a bytearray; the typeshed of mypy 1.0 does not say so";
  return nullptr;
}

TEST_CASE("mypy agrees on thousands of pairs of types") {
  const char* other = std::getenv("QFLOW_TYPES_SEED");
  const auto pairs = make_pairs(other == nullptr ? 20261123 : static_cast<unsigned>(std::atoi(other)), 4000);
  const auto refused = ask_mypy(pairs);
  const auto read = read_live(pairs);
  REQUIRE(read.size() == pairs.size());
  std::size_t agreed_to = 0, wrong = 0;
  std::map<std::string, std::size_t> meant;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& one = read[i];
    const auto answer = schema::assignable(one.source, one.classes, one.target, one.classes, Rules::typing());
    const bool mypy = refused.count(i) == 0;
    agreed_to += mypy ? 1 : 0;
    if (answer.fits != mypy) {
      if (const char* why = intended(pairs[i])) ++meant[why];
      else if (++wrong <= 60)
        MESSAGE("a pair: " << (pairs[i].source + "  →  " + pairs[i].target +
                               (mypy ? ": mypy allows it, we: " : ": mypy refuses it, we: ") +
                               schema::explain(one.source, one.target, answer)));
    }
    // A connection allows whatever the specification allows.
    if (answer.fits) CHECK(schema::assignable(one.source, one.classes, one.target, one.classes).fits);
  }
  for (const auto& [why, count] : meant) MESSAGE(count << " × " << why);
  MESSAGE(agreed_to << " of " << pairs.size() << " fit according to mypy; " << wrong << " differ");
  CHECK(wrong == 0);
  CHECK(agreed_to > pairs.size() / 5);
  CHECK(agreed_to < pairs.size() * 4 / 5);
}
