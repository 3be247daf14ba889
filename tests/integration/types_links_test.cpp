// Connections between odd but correct programs, which must have no findings; and converters, which must work.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

json::object wired(const std::string& giver, const std::string& taker, const std::string& types = "strict") {
  json::object w = chain({node("give", giver), node("take", taker)});
  w["settings"] = {{"types", types}};
  return w;
}

// The messages of a workflow's errors and warnings.
std::string found(const json::object& workflow) {
  std::string out;
  const Answer answer = daemon().post("/workflows/validate", workflow);
  const json::value findings = answer["findings"];
  for (const auto& one : findings.as_array())
    if (text(one.at("severity")) != "info") out += text(one.at("message")) + "\n";
  return out;
}

}  // namespace

TEST_CASE("imports that a module can do without are not findings") {
  for (const char* code :
       {"import sys\nif sys.version_info >= (3, 8): import json as parser\nelse: import nowhere as parser",
        "import sys\nif sys.platform == 'win32': import nowhere",
        "import contextlib\nwith contextlib.suppress(ImportError): import nowhere",
        "import importlib.util\nif importlib.util.find_spec('nowhere') is not None: import nowhere",
        "try: import nowhere\nexcept ImportError: nowhere = None\nelse: import nowhere.inside",
        "if __name__ == '__main__': import nowhere"}) {
    INFO(std::string(code));
    CHECK(found(chain({node("a", std::string(code) + "\ndef a() -> int: return 1")})).empty());
  }
  CHECK(found(chain({node("a", "import nowhere\ndef a() -> int: return 1")})).find("nowhere") != std::string::npos);
}

TEST_CASE("code that a type checker accepts gets no warning") {
  const std::string head = "import enum, io, os, pathlib, numbers\nfrom typing import *\n";
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"class K:\n    def run(self, x: int, y: int = 3) -> str: return 's'", "K",
       "class P(Protocol):\n    def run(self, x: int) -> str: ...\ndef take(v: P): return 1"},
      {"class K:\n    def __call__(self, x: int) -> str: return 's'", "K",
       "def take(v: Callable[[int], str]): return 1"},
      {"class K:\n    def __init__(self, name: str = 'n'): self.name = name", "K",
       "class P(Protocol):\n    name: str\ndef take(v: P): return 1"},
      {"K = lambda: pathlib.Path('/a')", "pathlib.Path", "def take(v: Union[str, 'os.PathLike[str]']): return 1"},
      {"K = io.BytesIO", "io.BytesIO", "def take(v: BinaryIO): return 1"},
      {"K = io.StringIO", "io.StringIO", "def take(v: TextIO): return 1"},
      {"K = dict", "Dict[str, int]", "def take(v: Reversible[str]): return 1"},
      {"K = int", "int", "def take(v: numbers.Integral): return 1"},
      {"K = float", "float", "def take(v: numbers.Real): return 1"}};
  for (const auto& [giver, type, taker] : cases) {
    INFO(std::string(giver) << "\n" << taker);
    const json::object w = wired(head + giver + "\ndef give() -> " + type + ": return K()", head + taker);
    json::object named = w;
    named["nodes"].as_array()[0].as_object()["function"] = "give";
    CHECK(found(named) == "");
  }
  // A wrong connection is still found.
  CHECK(found(wired(head + "class K:\n    def __call__(self, x: int) -> int: return 1\ndef give() -> K: return K()",
                    head + "def take(v: Callable[[int], str]): return 1"))
            .find("str") != std::string::npos);
}

TEST_CASE("numpy's annotations between nodes") {
  const std::string head = "import numpy as np\nimport numpy.typing as npt\n";
  const std::string giver = head + "def give() -> npt.NDArray[np.float64]: return np.zeros(2)";
  for (const char* type : {"npt.ArrayLike", "npt.NDArray[np.floating]", "np.ndarray", "npt.NDArray[np.float64]"}) {
    INFO(std::string(type));
    CHECK(found(wired(giver, head + "def take(v: " + type + "): return 1")) == "");
  }
  CHECK(found(wired(giver, head + "def take(v: npt.NDArray[np.integer]): return 1")) != "");
}

TEST_CASE("a type that the workflow gives a port counts, whatever the port's name") {
  json::object w = wired("def give(): return 5", "def take(x): return x", "warn");
  w["nodes"].as_array()[0].as_object()["outputs"] = json::array{json::object{{"name", "o"}, {"type", "integer"}}};
  w["nodes"].as_array()[1].as_object()["inputs"] = json::array{json::object{{"name", "x"}, {"type", "string"}}};
  CHECK(found(w).find("'x' takes string, but node \"give\" gives integer") != std::string::npos);
  CHECK(daemon().run(w).status == 422);
}

TEST_CASE("every suggested converter works") {
  struct Case {
    const char *source, *value, *target;
    bool suggested;
  };
  const Case cases[] = {{"list[int]", "[1, 2]", "set[str]", true},
                        {"list[str]", "['1']", "tuple[int, ...]", true},
                        {"list[str]", "['1', '2']", "tuple[int, int]", true},
                        {"list[str]", "['1']", "list[int]", true},
                        {"dict[str, str]", "{'a': '1'}", "dict[str, int]", true},
                        {"dict[str, int]", "{'a': 1}", "list[str]", true},
                        {"dict[str, int]", "{'a': 1}", "list[datetime.date]", false},
                        {"list[tuple[str, str]]", "[('a', '1')]", "dict[str, int]", true},
                        {"list[int]", "[1]", "dict[str, int]", false},
                        {"list[int]", "[1]", "Row", false},
                        {"list[Row]", "[Row(1)]", "list[Other]", false},
                        {"list[str]", "['a']", "list[Literal[1]]", false},
                        {"str", "'5'", "int", true},
                        {"bool", "True", "str", true}};
  const std::string head =
      "import dataclasses, datetime\nfrom typing import *\n@dataclasses.dataclass\nclass Row:\n    a: int\n"
      "@dataclasses.dataclass\nclass Other:\n    b: str\n";
  for (const Case& one : cases) {
    INFO(std::string(one.source) << " → " << one.target);
    json::object w = wired(head + "def give() -> " + one.source + ": return " + one.value,
                           head + "def take(v: " + one.target + ") -> int: return 1");
    const Answer answer = daemon().post("/workflows/validate", w);
    const json::value findings = answer["findings"];
    REQUIRE(findings.as_array().size() == 1);
    const json::array& suggestions = findings.at(0).at("suggestions").as_array();
    INFO(json::serialize(suggestions));
    CHECK(!suggestions.empty() == one.suggested);
    for (const auto& suggestion : suggestions) {
      json::array nodes{w["nodes"].at(0)}, connections;
      for (const auto& step : suggestion.at("nodes").as_array()) {
        json::object made = step.as_object();
        const std::string id = "c" + std::to_string(nodes.size());
        made["id"] = id;
        made["name"] = id;
        nodes.push_back(std::move(made));
      }
      nodes.push_back(w["nodes"].at(1));
      for (std::size_t i = 1; i < nodes.size(); ++i)
        connections.push_back(
            json::object{{"source", {{"nodeId", nodes[i - 1].at("id")}}}, {"target", {{"nodeId", nodes[i].at("id")}}}});
      json::object fixed = w;
      fixed["nodes"] = nodes;
      fixed["connections"] = connections;
      const Answer ran = daemon().run(fixed);
      INFO(json::serialize(suggestion) << ran.body);
      CHECK(text(ran["status"]) == "completed");
    }
  }
}
