// Descriptions from a node's text: docstrings, imports, dangerous-looking calls; and modules that cannot be imported.
#include <doctest/doctest.h>

#include "tests/integration/describing.hpp"

using namespace qflow::test;
using namespace qflow::test::describing;

TEST_CASE("docstrings in Google, NumPy and reST style") {
  const std::string code = R"(
def google(a, b=1):
    """Adds things.

    More of it
    over two lines.

    Args:
        a (int): the first
            thing
        b: the second

    Returns:
        int: the sum
    """
def numpydoc(a, b):
    """Adds things.

    Parameters
    ----------
    a : int
        the first thing
    b : int, optional
        the second

    Returns
    -------
    int
        the sum
    """
def rest(a, b):
    """Adds things.

    :param int a: the first thing
    :param b: the second
    :type b: int
    :returns: the sum
    """
)";
  const json::object d = describe(code, pythons().front());
  for (const char* name : {"google", "numpydoc", "rest"}) {
    INFO(name);
    CHECK(text(function(d, name).at("summary")) == "Adds things.");
    CHECK(text(port(d, name, "a").at("description")) == "the first thing");
    CHECK(text(port(d, name, "b").at("description")) == "the second");
    CHECK(text(output(d, name).at("description")) == "the sum");
  }
  CHECK(text(function(d, "google").at("description")) == "More of it over two lines.");
}

TEST_CASE("a module that hangs, exits, forks, raises or does not parse: a clear error, and its text is described") {
  const std::string good = "def main(rows: list, limit: int = 5) -> dict:\n    \"\"\"Counts.\"\"\"\n    return {}\n";
  struct Broken {
    const char* first;
    const char* said;
  };
  for (const auto& [first, said] :
       {Broken{"import time\ntime.sleep(60)\n", "TimedOut: the module did not load"},
        Broken{"import os\nos._exit(3)\n", "WorkerDied: the module ended its process"},
        Broken{"raise SystemExit(4)\n", "SystemExit: 4 (line 1)"},
        Broken{"import os\nif os.fork() == 0:\n    os._exit(0)\n", "ForkedAtImport: the module forks a process"},
        Broken{"import os\nos.fork()\n", "ForkedAtImport: the module forks a process"},
        Broken{"1 / 0\n", "ZeroDivisionError: division by zero (line 1)"},
        Broken{"import nothing_such\n", "ModuleNotFoundError: No module named 'nothing_such' (line 1)"},
        Broken{"import ctypes\nctypes.string_at(0)\n", "WorkerDied: the module ended its process"}}) {
    INFO(first);
    const Answer answer = daemon().post("/nodes/python/validate", {{"code", first + good}, {"timeout", 1}});
    CHECK(answer["valid"] == false);
    REQUIRE(answer["errors"].as_array().size() == 1);
    CHECK(text(answer["errors"].at(0)).find(said) == 0);
    const json::object& d = answer["description"].as_object();
    CHECK(text(d.at("source")) == "static");
    CHECK(text(port(d, "main", "limit").at("type")) == "integer");
    CHECK(port(d, "main", "limit").at("default") == json::value(5));
    CHECK(text(function(d, "main").at("summary")) == "Counts.");
  }
  const Answer wrong = daemon().post("/nodes/python/validate", {{"code", "def f(:\n"}});
  CHECK(wrong["valid"] == false);
  CHECK(text(wrong["errors"].at(0)).find("SyntaxError") == 0);
  CHECK(wrong["description"].at("functions").as_array().empty());
  for (const char* strange : {"x = 1\n", "", "def _hidden(): ...\n"})
    CHECK(daemon().post("/nodes/python/validate", {{"code", strange}})["valid"].is_null() ==
          (std::string(strange).empty()));
}

TEST_CASE("imports and the packages that provide them; dangerous-looking calls, with their lines") {
  const std::string code = R"(import json, numpy
import cv2
from PIL import Image
def main(x):
    import sklearn.linear_model, yaml_nothing
    try:
        import ujson_nothing
    except ImportError:
        pass
    import subprocess as sp
    sp.run(["ls"])
    eval("x")
    import socket
    open("/etc/passwd", "w")
    open("/tmp/fine", "w"); open("local.txt", mode="w"); open("/etc/hosts")
    import pickle
    return pickle.loads(x)
)";
  const json::object d =
      daemon().post("/nodes/python/validate", {{"code", code}, {"python_version", "3.11"}})["description"].as_object();
  CHECK(text(d.at("source")) == "static");  // cv2 is not installed
  const auto import = [&](const std::string& name) -> json::object {
    for (const auto& one : d.at("imports").as_array())
      if (text(one.at("module")) == name) return one.as_object();
    FAIL("no import " << name);
    return {};
  };
  CHECK(import("json").at("standard") == true);
  CHECK(json::serialize(import("numpy").at("distributions")) == R"(["numpy"])");
  CHECK(import("numpy").at("present") == true);
  CHECK(import("cv2").at("present") == false);
  CHECK(json::serialize(import("cv2").at("distributions")) == R"(["opencv-python"])");
  CHECK(json::serialize(import("sklearn").at("distributions")) == R"(["scikit-learn"])");
  CHECK(import("sklearn").at("line") == 5);
  CHECK(import("ujson_nothing").at("optional") == true);
  std::vector<std::string> found;
  for (const auto& one : d.at("findings").as_array())
    found.push_back(text(one.at("code")) + " " + json::serialize(one.at("line")));
  CHECK(found == std::vector<std::string>{"starts_program 11", "evaluates_text 12", "uses_network 13",
                                          "writes_outside 14", "unpickles 17"});
}

TEST_CASE("findings respect the names that the code itself defines") {
  const auto found = [](const std::string& code) {
    std::string out;
    const json::object d = daemon().post("/nodes/python/validate", {{"code", code}})["description"].as_object();
    for (const auto& one : d.at("findings").as_array())
      out += text(one.at("code")) + json::serialize(one.at("line")) + " ";
    return out;
  };
  CHECK(found("def main(x):\n    open(mode='w', file='/home/x')\n    return x") == "writes_outside2 ");
  CHECK(found("from pathlib import Path\ndef main(x):\n    Path('/etc/x').open('w')\n    return x") ==
        "writes_outside3 ");
  CHECK(found("def main(x):\n    open('/tmp/../etc/x', 'w')\n    return x") == "writes_outside2 ");
  CHECK(found("def main(x):\n    open('/etc/../tmp/x', 'w')\n    return x") == "");
  CHECK(found("from pathlib import Path\ndef main(x):\n    Path('/etc/x').open()\n    return x") == "");
  CHECK(found("def main(x):\n    return eval(x)\ndef eval(x):\n    return x") == "");
  CHECK(found("def main(os):\n    return os.system('x')") == "");
  CHECK(found("import os\ndef main(x):\n    return os.system('x')") == "starts_program3 ");
}
