// Right results, or a clear word: outputs that are handed out whole, files, values that JSON does not have.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

constexpr const char* kRows = "def rows(n: int = 61357):\n    return [{'i': i, 'x': i * 0.5} for i in range(n)]";

}  // namespace

TEST_CASE("an output is handed out whole: --json, the record, a webhook") {
  const Cli cli;
  const json::value report = cli.json_of(chain({node("rows", kRows)}));
  const json::array& rows = report.at("outputs").at("rows").as_array();
  REQUIRE(rows.size() == 61357);
  CHECK(rows.back() == json::value({{"i", 61356}, {"x", 30678.0}}));
  CHECK(report.at("truncated_outputs").as_object().empty());

  const Answer done = daemon().run(chain({node("rows", kRows)}));
  REQUIRE(done["status"] == "completed");
  CHECK(done["data"].at("outputs").at("rows").as_array().size() == 61357);
  CHECK_FALSE(done["data"].as_object().contains("truncated_outputs"));

  const std::string id =
      daemon().store(chain({node("rows", "def rows(body): return [{'i': i} for i in range(61357)]")}));
  REQUIRE(daemon().post("/workflows/" + id + "/activate").status == 200);
  const Answer hook = daemon().post("/webhooks", {{"workflowId", id}, {"response", "result"}});
  REQUIRE(hook.status == 201);
  const Answer answer = daemon().post(text(hook["url"]));
  REQUIRE(answer.status == 200);
  CHECK(answer.parsed().as_array().size() == 61357);
}

TEST_CASE("what is only a part says so at the top, and where all of it is") {
  const Cli cli;
  const Finished done = cli({"run", cli.flow(chain({node("rows", kRows)})), "-q"});
  CHECK(has(done.out, "rows = (the first 8000 bytes; "));
  const auto at = done.out.find("all of it is in ");
  REQUIRE(at != std::string::npos);
  const std::string path = done.out.substr(at + 16, done.out.find(')', at) - at - 16);
  const json::value whole = json::parse(qflow::sandbox::read_file(path, 16 << 20));
  CHECK(whole.as_array().size() == 61357);
  // Larger than an execution may hand over: a part, and a word on the node.
  const json::value large =
      cli.json_of(chain({node("big", "def big(): return 'x' * (70 << 20)")}), {"--memory", "1024"});
  CHECK(large.at("status") == "completed");
  CHECK(large.at("truncated_outputs").at("big") == true);
  CHECK(has(text(large.at("nodes").at(0).at("warnings").at(0)),
            "only a part of its value is kept: as JSON it is larger"));
  // Never cut inside a value, and never without an end: a list that contains itself.
  const Finished loop =
      cli({"run", cli.flow(chain({node("loop", "def loop():\n    x = []\n    x.append(x)\n    return x")}))});
  CHECK(has(loop.err, "only a part of its value is kept: it is too deep, or contains itself"));
}

TEST_CASE("a webhook answers bytes as bytes and a file as a file; what is too large is an error") {
  const auto answer = [&](const std::string& code) {
    const std::string id = daemon().store(chain({node("f", code)}));
    REQUIRE(daemon().post("/workflows/" + id + "/activate").status == 200);
    const Answer hook = daemon().post("/webhooks", {{"workflowId", id}, {"response", "result"}});
    return daemon().send("POST", text(hook["url"]));
  };
  const Answer bytes = answer("def f(): return bytes(range(256)) * 20");
  CHECK(bytes.status == 200);
  CHECK(bytes.header("Content-Type") == "application/octet-stream");
  CHECK(bytes.body.size() == 5120);
  CHECK(static_cast<unsigned char>(bytes.body[255]) == 255);
  const Answer file =
      answer("from pathlib import Path\ndef f():\n    p = Path('a.csv'); p.write_text('a,b'); return p");
  CHECK(file.header("Content-Type") == "text/csv");
  CHECK(file.body == "a,b");
  const Answer large = answer("def f(): return 'x' * (65 << 20)");
  CHECK(large.status == 500);
  CHECK(has(large.body, "output_too_large"));
  CHECK(answer("import decimal\ndef f(): return decimal.Decimal('1.10')").parsed() ==
        json::value({{"__type", "decimal.Decimal"}, {"value", "1.10"}}));
}

TEST_CASE("numbers are written as people write them, and read back as the same") {
  const Answer done = daemon().run(chain({node("f", "def f(): return [0.5, 26254.48, 5.0, 1e-7, 1e22, 0.1 + 0.2]")}));
  CHECK(has(done.body, "[0.5,26254.48,5.0,1e-07,1e+22,0.30000000000000004]"));
  const Cli cli;
  const Finished run = cli({"run", cli.flow(chain({node("f", "def f(): return 26254.48")})), "-q"});
  CHECK(run.out == "f = 26254.48\n");
}

TEST_CASE("values that JSON does not have show their text and their type") {
  const Cli cli;
  const json::value out =
      cli.json_of(chain({node("f",
                              "import datetime, decimal, uuid, enum, dataclasses, typing\n"
                              "class Color(enum.Enum):\n    RED = 'red'\n"
                              "@dataclasses.dataclass\nclass P:\n    kind: typing.ClassVar[str] = 'p'\n    x: int = 1\n"
                              "def f():\n    return {'d': datetime.datetime(2024, 1, 2, 3, 4), 'day': "
                              "datetime.date(2024, 1, 2), 'u': uuid.UUID(int=7),"
                              " 'c': Color.RED, 'p': P(), 'b': b'abc'}")}));
  const json::value& f = out.at("outputs").at("f");
  CHECK(f.at("d") == json::value({{"__type", "datetime.datetime"}, {"value", "2024-01-02T03:04:00"}}));
  CHECK(f.at("day").at("value") == "2024-01-02");
  CHECK(f.at("u").at("value") == "00000000-0000-0000-0000-000000000007");
  CHECK(f.at("c").at("value") == "red");
  CHECK(f.at("p").at("value") == json::value({{"x", 1}}));
  CHECK(f.at("b").at("value").at("base64") == "YWJj");
}

TEST_CASE("tables show index, types and shape") {
  const Cli cli;
  const json::value flow =
      chain({node("t",
                  "import pandas as pd\ndef t(): return pd.DataFrame({'a': [1, 2], 'b': [0.5, 26254.48]}, "
                  "index=['x', 'y'])")});
  const Finished done = cli({"run", cli.flow(flow)});
  CHECK(has(done.out, "t = pandas.core.frame.DataFrame, 2 rows × 2 columns\n"));
  CHECK(has(done.out, "     int64   float64\n"));
  CHECK(has(done.out, "  y      2  26254.48\n"));
  CHECK_FALSE(has(done.err, "Denied"));  // pandas asks for the processor's name and does without it
  const json::value value = cli.json_of(flow).at("outputs").at("t").at("value");
  CHECK(value.at("index") == json::value({"x", "y"}));
  CHECK(value.at("dtypes") == json::value({"int64", "float64"}));
  CHECK(value.at("shape") == json::value({2, 2}));
}

TEST_CASE("files keep their names; a path that is no file is an error by name") {
  const Cli cli;
  const std::string flow =
      cli.flow(chain({node("write",
                           "from pathlib import Path\ndef write():\n    one = Path('/tmp/my plot.png'); "
                           "one.write_text('1')\n    Path('d').mkdir()\n"
                           "    two = Path('d/my plot.png'); two.write_text('2')\n    return [one, two]")}));
  const std::string out = cli.directory.path() + "/results";
  CHECK(cli({"run", flow, "--out", out, "-q"}).code == 0);
  CHECK(qflow::sandbox::read_file(out + "/my plot.png", 10) == "1");
  CHECK(qflow::sandbox::read_file(out + "/my plot-2.png", 10) == "2");
  for (const auto& [path, why] : {std::pair<const char*, const char*>{"/tmp/none.txt", "does not exist"},
                                  {"gone", "does not exist"},
                                  {"/tmp", "is a directory; hand over an archive of it"}}) {
    const Answer done =
        daemon().run(chain({node("f", std::string("from pathlib import Path\ndef f(): return Path('") + path + "')")}));
    CHECK(done["status"] == "failed");
    CHECK(has(text(done["error"]), std::string("FileNotHandedOver: the file ") + path + " that it returns " + why));
  }
  // A path that no node can have made is a value like any other.
  CHECK(daemon().run(chain({node("f", "from pathlib import Path\ndef f(): return Path('/data/x.csv')")}))["status"] ==
        "completed");
}

TEST_CASE("a child of os.fork() ends as with python: its status, its traceback, what it printed last") {
  const Answer done = daemon().run(chain({node("f", R"(
import os, sys
def f():
    out = []
    for end in (lambda: sys.exit(3), lambda: sys.exit("text"), lambda: 1 / 0, lambda: print("no line", end="")):
        pid = os.fork()
        if pid == 0: return end()
        out.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return out
)")}));
  CHECK(done["data"].at("outputs").at("f") == json::array{3, 1, 1, 0});
  const json::value& said = done["data"].at("resultData").at("runData").at("f").at(0).at("qflow");
  CHECK(has(text(said.at("stdout")), "no line"));
  CHECK(has(text(said.at("stderr")), "text\n"));
  CHECK(has(text(said.at("stderr")), "ZeroDivisionError"));
}

TEST_CASE("the C library has the locale that the environment names") {
  CHECK(daemon()
            .run(chain({node("f",
                             "import locale\ndef f(): return [locale.setlocale(locale.LC_CTYPE), "
                             "locale.nl_langinfo(locale.CODESET)]")}))["data"]
            .at("outputs")
            .at("f") == json::array{"C.UTF-8", "UTF-8"});
}

TEST_CASE("files deeper in a value are handed over, each once, and what is left out is said") {
  const Answer deep =
      daemon().run(chain({node("f",
                               "from pathlib import Path\ndef f():\n    one = Path('/tmp/a.txt'); "
                               "one.write_text('1')\n    two = Path('b.txt'); two.write_text('2')\n"
                               "    return [{'k': [one, one]}, {two}, {'gone': [Path('nope.txt')]}]")}));
  CHECK(deep["data"].at("files").as_array().size() == 2);
  const std::string said =
      json::serialize(deep["data"].at("resultData").at("runData").at("f").at(0).at("qflow").at("warnings"));
  CHECK(has(said, "the file nope.txt that it returns does not exist"));
  const Answer many =
      daemon().run(chain({node("f",
                               "from pathlib import Path\ndef f():\n    all = [Path(f'{i}.txt') for i in range(70)]\n"
                               "    for one in all: one.write_text('x')\n    return all")}));
  CHECK(many["data"].at("files").as_array().size() == 64);
  CHECK(has(many.body, "6 more are left out"));
}

TEST_CASE("an iterator is collected, so that each consumer gets it; an endless one is refused") {
  const auto values = [](const std::string& make) {
    json::object flow{
        {"name", "flow"},
        {"nodes",
         json::array{node("make", make), node("a", "def a(x): return list(x)"), node("b", "def b(x): return list(x)")}},
        {"connections", json::array{{{"source", "make"}, {"target", "a"}}, {{"source", "make"}, {"target", "b"}}}}};
    return daemon().run(flow);
  };
  for (const char* make : {"import csv\ndef make(): return csv.DictReader(['a,b', '1,2'])",
                           "def make(): return map(str, [1])", "def make(): return zip([1], [2])",
                           "def make(): return iter([1])", "def make(): return {1: 2}.items().__iter__()"}) {
    const Answer done = values(make);
    CHECK_MESSAGE(done["status"] == "completed", make);
    const json::value& out = done["data"].at("outputs");
    CHECK(out.at("a").as_array().size() == 1);
    CHECK(out.at("a") == out.at("b"));
  }
  const Answer endless = values("import itertools\ndef make(): return itertools.count()");
  CHECK(has(text(endless["error"]), "itertools.count never ends"));
  const Answer async = daemon().run(chain({node("make", "def make() -> 'list[int]': return [1, 2]"),
                                           node("sum",
                                                "from typing import AsyncIterator\nasync def sum_(x: "
                                                "AsyncIterator[int]):\n    return [i async for i in x]")}));
  CHECK(async["data"].at("outputs").at("sum") == json::value({1, 2}));
}

TEST_CASE("which function is called") {
  const auto called = [](const std::string& code, const std::string& name = "n") {
    const Answer done = daemon().run(chain({node(name, code)}));
    return done["status"] == "completed" ? text(done["data"].at("outputs").at(name)) : text(done["error"]);
  };
  CHECK(called("def helper(): return 'wrong'\ndef main(): return 'main'") == "main");
  CHECK(called("def helper(): return 'wrong'\ndef clean_text(): return 'named'", "Clean Text") == "named");
  CHECK(called("def helper(): return 'unused'\ndef work(): return 'work, ' + helper()") == "work, unused");
  CHECK(called("def deco(f): return f\n@deco\ndef work(): return 'decorated'") == "decorated");
  CHECK(has(called("def one(): return 1\ndef two(): return 2"), "several functions could be the node's: one, two"));
}

TEST_CASE("streams can be used as those of any program; tracebacks have their lines") {
  const Answer done = daemon().run(chain({node(
      "io",
      "import sys, io, logging, inspect\nsys.stdout.reconfigure(encoding='utf-8')\n"
      "wrapped = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8', line_buffering=True)\n"
      "def main():\n    wrapped.write('wrapped\\n'); wrapped.detach()\n    try:\n        1 / 0\n"
      "    except ZeroDivisionError:\n        logging.exception('logged')\n    return inspect.getsource(main)[:11]")}));
  REQUIRE(done["status"] == "completed");
  CHECK(done["data"].at("outputs").at("io") == "def main():");
  const json::value& task = done["data"].at("resultData").at("runData").at("io").at(0).at("qflow");
  CHECK(has(text(task.at("stdout")), "wrapped\n"));
  CHECK(has(text(task.at("stderr")), "\n    1 / 0\n"));
}

TEST_CASE("what one branch of a workflow does to a value, another does not see") {
  json::object flow{
      {"name", "flow"},
      {"nodes", json::array{node("make", "def make(): return [1]"),
                            node("a", "def a(x):\n    x.append(2)\n    return x"), node("b", "def b(x): return x")}},
      {"connections", json::array{{{"source", "make"}, {"target", "a"}}, {{"source", "make"}, {"target", "b"}}}}};
  const Answer done = daemon().run(flow);
  CHECK(done["data"].at("outputs").at("b") == json::array{1});
}

TEST_CASE("sys.exit(0) ends a node well; threads that are left running are named; a decorator's result counts") {
  const auto run = [](const std::string& code) { return daemon().run(chain({node("f", code)})); };
  const Answer ended = run("import sys\ndef f(): sys.exit(0)");
  CHECK(ended["status"] == "completed");
  CHECK(ended["data"].at("outputs").at("f").is_null());
  CHECK(has(text(run("import sys\ndef f(): sys.exit(3)")["error"]), "SystemExit: 3"));
  const Answer threads =
      run("import threading, time\ndef f():\n    threading.Thread(target=time.sleep, args=(5,), name='poller', "
          "daemon=True).start()\n"
          "    return 1");
  CHECK(has(threads.body, "it left threads running: poller; join them before it returns"));
  const Answer decorated =
      run("import functools\ndef texts(g):\n    @functools.wraps(g)\n    def inner(*a): return str(g(*a))\n    return "
          "inner\n"
          "@texts\ndef f() -> int: return 5");
  CHECK(decorated["data"].at("outputs").at("f") == "5");
  CHECK(decorated["data"].at("resultData").at("runData").at("f").at(0).at("qflow").at("warnings").as_array().empty());
}

TEST_CASE("between sandboxes: what JSON lacks is named with its place, a class with its node") {
  const auto apart = [](const std::string& first, const std::string& second) {
    json::object other = node("second", second);
    other["sandbox"] = json::object{{"memory", "200 MiB"}};
    return daemon().run(chain({node("first", first), other}));
  };
  const Answer value = apart("def first(): return {'rows': [1, {2, 3}]}", "def second(x): return x");
  CHECK(has(text(value["error"]), "(dict: /rows/1 (set)) cannot pass to node \"second\""));
  const Answer klass =
      apart("class Row: pass\ndef first(): return 1", "from nodes.first import Row\ndef second(x): return x");
  CHECK(has(text(klass["error"]), "No module named 'nodes.first': node \"first\" runs in another sandbox"));
}

TEST_CASE("a NamedTuple fills several outputs by their names") {
  json::object make = node("make",
                           "from typing import NamedTuple\nclass Both(NamedTuple):\n    high: int\n    low: int\n    "
                           "other: int\ndef make(): return "
                           "Both(1, 2, 3)");
  make["outputs"] = json::array{"low", "high"};
  json::object flow{
      {"name", "named"},
      {"nodes", json::array{make, node("a", "def a(x): return x"), node("b", "def b(x): return x")}},
      {"connections", json::array{{{"source", {{"nodeId", "make"}, {"output", "low"}}}, {"target", "a"}},
                                  {{"source", {{"nodeId", "make"}, {"output", "high"}}}, {"target", "b"}}}}};
  const Answer done = daemon().run(flow);
  CHECK(done["data"].at("outputs").at("a") == 2);
  CHECK(done["data"].at("outputs").at("b") == 1);
}

TEST_CASE("limits name their setting; a file of the host is not there for a node") {
  const auto error = [](const std::string& code, json::object more = {}) {
    json::object one = node("f", code);
    one["sandbox"] = std::move(more);
    return text(daemon().run(chain({one}))["error"]);
  };
  CHECK(has(error("def f(): bytearray(1 << 40)", {{"memory", "64 MiB"}}), "its limit is 64 MiB (sandbox.memory"));
  CHECK(has(error("import time\ndef f(): time.sleep(60)", {{"time", 0.5}}), "time limit of 0.5 s (sandbox.time)"));
  CHECK(
      has(error("def f(): open('/home/me/in.csv')"), "give it with -i NAME=@FILE, or show its directory with --share"));
  CHECK_FALSE(has(error("def f(): open('/tmp/in.csv')"), "--share"));
}

TEST_CASE("a webhook gives forms, uploads, repeated names and binary bodies as what they are") {
  const std::string id = daemon().store(chain({node("f", "def f(body, query): return [body, query]")}));
  REQUIRE(daemon().post("/workflows/" + id + "/activate").status == 200);
  const std::string url = text(daemon().post("/webhooks", {{"workflowId", id}, {"response", "result"}})["url"]);
  const auto call = [&](const std::string& body, const std::string& type, const std::string& query = "") {
    return daemon().send("POST", url + query, body, "Content-Type: " + type + "\r\n").parsed();
  };
  CHECK(call("a=1&a=2&b=x%20y", "application/x-www-form-urlencoded", "?q=1&q=2&r=3") ==
        json::value({{{"a", {"1", "2"}}, {"b", "x y"}}, {{"q", {"1", "2"}}, {"r", "3"}}}));
  const json::value upload = call(
      "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n--x\r\nContent-Disposition: form-data; "
      "name=\"file\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\xff\x01\r\n--x--\r\n",
      "multipart/form-data; boundary=x");
  CHECK(upload.at(0).at("note") == "hi");
  CHECK(upload.at(0).at("file") ==
        json::value({{"base64", "/wE="}, {"content_type", "image/png"}, {"size", 2}, {"filename", "a.bin"}}));
  CHECK(call("\xff\x01", "application/octet-stream").at(0).at("base64") == "/wE=");
  CHECK(call("plain", "text/plain").at(0) == "plain");
  std::string many = "a=1";
  for (int i = 0; i < 1000; ++i) many += "&a=1";
  CHECK(has(json::serialize(call(many, "application/x-www-form-urlencoded")), "a form has at most 1000 fields"));
}
