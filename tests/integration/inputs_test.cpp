// Inputs, files and members of a flow: what is misspelt is named, what is given arrives as the parameters ask for it.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

std::string output(const Finished& done) { return done.out.empty() ? done.err : done.out; }

}  // namespace

TEST_CASE("an input that no function takes is an error with the name that was meant") {
  const Cli cli;
  const std::string flow = cli.flow(chain({node("hello", "def hello(name, greeting='hi'): return [name, greeting]")}));
  const Finished wrong = cli({"run", flow, "-i", "nmae=Bob"});
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err,
            "no function takes the input 'nmae'; did you mean name?; the input goes to hello(name, greeting)"));
  CHECK(cli({"run", flow, "-i", "name=Bob", "-i", "extra=1"}).code == 2);
  CHECK(cli({"run", flow, "-i", "name=Bob", "-q"}).out == "hello = [\"Bob\",\"hi\"]\n");
  // A dict that is given whole goes whole to the first parameter, if none of its members is one.
  const std::string whole = cli.directory.file("in.json", R"({"nmae": "Bob"})");
  CHECK(cli({"run", flow, "--input-file", whole, "-q"}).out == "hello = [{\"nmae\":\"Bob\"},\"hi\"]\n");
  const std::string mixed = cli.directory.file("mixed.json", R"({"name": "Bob", "greting": "yo"})");
  CHECK(has(cli({"run", flow, "--input-file", mixed}).err, "'greting'; did you mean greeting?"));
  const std::string numbers = cli.flow(chain({node("a", "def a(n=5): return n")}));
  CHECK(has(cli({"run", numbers, "-i", "N=1"}).err, "'N'; did you mean n?"));
  Daemon daemon;
  const std::string id = daemon.store(chain({node("hello", "def hello(name, greeting='hi'): return name")}));
  const Answer refused =
      daemon.post("/workflows/" + id + "/execute?wait=20", {{"input_data", {{"name", 1}, {"greting", 2}}}});
  CHECK(refused.status == 422);
  CHECK(has(refused.body, "did you mean greeting?"));
}

TEST_CASE("the declared type decides how text is read") {
  const Cli cli;
  const auto value = [&](const std::string& annotation, const std::string& given) {
    const std::string flow = cli.flow(chain({node("f", "import datetime, decimal, pathlib, typing\ndef f(x" +
                                                           annotation + "): return [type(x).__name__, str(x)]")}));
    return output(cli({"run", flow, "-i", "x=" + given, "-q"}));
  };
  CHECK(value(": str", "12345") == "f = [\"str\",\"12345\"]\n");
  CHECK(value(": typing.Optional[str]", "null") == "f = [\"str\",\"null\"]\n");
  CHECK(value(": int", "12345") == "f = [\"int\",\"12345\"]\n");
  CHECK(value("", "12345") == "f = [\"int\",\"12345\"]\n");
  CHECK(value("", "a b") == "f = [\"str\",\"a b\"]\n");
  CHECK(value(": list", "[1]") == "f = [\"list\",\"[1]\"]\n");
  CHECK(value(": decimal.Decimal", "1.10") == "f = [\"Decimal\",\"1.10\"]\n");
  CHECK(value(": datetime.date", "2024-01-02") == "f = [\"date\",\"2024-01-02\"]\n");
  CHECK(has(value(": int", "many"), "InvalidInput"));
}

TEST_CASE("a file arrives as text, bytes or a Path") {
  const Cli cli;
  const std::string binary = cli.directory.file("in.xlsx", std::string("\xff\x00PK", 4));
  const std::string words = cli.directory.file("in.txt", "some words");
  const std::string flow = cli.flow(chain({node(
      "f",
      "from pathlib import Path\ndef f(p: Path, b: bytes, t): return [p.name, p.read_bytes().hex(), b.hex(), t]")}));
  const Finished done = cli({"run", flow, "-q", "-i", "p=@" + binary, "-i", "b=@" + binary, "-i", "t=@" + words});
  CHECK(done.out == "f = [\"in.xlsx\",\"ff00504b\",\"ff00504b\",\"some words\"]\n");
  const std::string untyped = cli.flow(chain({node("f", "def f(x): return x")}));
  const Finished refused = cli({"run", untyped, "-i", "x=@" + binary});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "is not UTF-8 text; annotate the parameter as pathlib.Path or bytes"));
  // A byte order mark belongs to bytes; an input that is no object has no names.
  const std::string marked = cli.directory.file("marked.bin", "\xEF\xBB\xBFx");
  const std::string raw = cli.flow(chain({node("f", "def f(b: bytes): return b.hex()")}));
  CHECK(cli({"run", raw, "-q", "-i", "b=@" + marked}).out == "f = \"efbbbf78\"\n");
  const std::string list = cli.flow(chain({node("f", "def f(x): return len(x)")}));
  CHECK(cli({"run", list, "-q", "--input-file", cli.directory.file("list.json", "[1, 2]")}).out == "f = 2\n");
  // Two files of one name, and 3 MiB in pieces.
  cli.directory.file("big.bin", std::string(3 << 20, 'x'));
  const std::string sizes = cli.flow(chain(
      {node("f", "from pathlib import Path\ndef f(a: Path, b: Path): return [a.name, b.name, a.stat().st_size]")}));
  CHECK(cli({"run", sizes, "-q", "-i", "a=@" + cli.directory.path() + "/big.bin", "-i",
             "b=@" + cli.directory.path() + "/big.bin"})
            .out == "f = [\"big.bin\",\"big-2.bin\",3145728]\n");
}

TEST_CASE("misspelt members, variables and what a byte order mark does") {
  const Cli cli;
  const std::string flow = cli.directory.file(
      "flow.json",
      R"({"nodes": [{"id": "a", "fiel": "a.py", "code": "def a(): return 1"}], "connectoins": [], "setings": {}})");
  const Finished refused = cli({"run", flow});
  CHECK(refused.code == 2);
  for (const char* word : {"/connectoins: there is no such member; did you mean connections?", "did you mean settings?",
                           "/nodes/0/fiel: there is no such member; did you mean file?"})
    CHECK(has(refused.err, word));
  CHECK(has(cli({"check", flow}).out, "[unknown_member]"));
  const std::string n8n = cli.directory.file(
      "n8n.json",
      R"({"nodes": [{"id": "a", "name": "a", "typeVersion": 1, "position": [0, 0], "notes": "", "retryOnFail": true, "parameters":
      {"code": "def a(): return 1", "whatever": 1}, "type": "qflow.python"}, {"id": "x", "name": "x", "type": "n8n-nodes-base.stickyNote",
      "strange": 1}], "connections": {}, "pinData": {}, "meta": {"instanceId": "x"}, "versionId": "1", "settings": {"executionOrder": "v1"}})");
  CHECK(has(cli({"check", n8n}).out, "no findings"));
  Program::Options options;
  options.environment["QFLOW_SANDBOX_MEM"] = "64";
  const Finished variable = cli({"config", "check"}, options);
  CHECK(variable.code == 2);
  CHECK(has(variable.err, "$QFLOW_SANDBOX_MEM: there is no such setting; did you mean QFLOW_SANDBOX_MEMORY_MIB?"));
  const std::string mark = "\xEF\xBB\xBF";
  cli.directory.file("b.py", mark + "def b(x): return x");
  const std::string marked = cli.directory.file("marked.json", mark + R"({"nodes": [{"id": "b", "file": "b.py"}]})");
  const std::string input = cli.directory.file("marked_input.json", mark + R"({"x": 1})");
  CHECK(cli({"run", marked, "--input-file", input, "-q"}).out == "b = 1\n");
}

TEST_CASE("modules beside the flow can be imported, also by one another; run, check and standard input") {
  const Cli cli;
  cli.directory.file("helpers.py", "import pkg.deep\ndef greet(name):\n    return pkg.deep.HELLO + name\n");
  std::filesystem::create_directory(cli.directory.path() + "/pkg");
  cli.directory.file("pkg/__init__.py", "");
  cli.directory.file("pkg/deep.py", "HELLO = 'hi '\ndef fail(): raise ValueError('deep')\n");
  const std::string flow = cli.flow(chain({node(
      "g", "from __future__ import annotations\nimport helpers\ndef g(n: str = 'Bob'): return helpers.greet(n)")}));
  CHECK(cli({"run", flow, "-q"}).out == "g = \"hi Bob\"\n");
  const Finished checked = cli({"check", flow});
  CHECK_MESSAGE(has(checked.out, "no findings"), checked.out);
  Program::Options options;
  options.input = cli.flow(chain({node("g", "def g(n: str = 'Bob'): return n")}));
  options.input = qflow::sandbox::read_file(options.input, 1 << 20);
  CHECK(cli({"run", "-", "-q"}, options).out == "g = \"Bob\"\n");
  const std::string failing = cli.flow(chain({node("g", "from pkg import deep\ndef g(): deep.fail()")}));
  const Finished failed = cli({"run", failing});
  CHECK(has(failed.err, "File \"pkg/deep.py\", line 2, in fail\n    def fail(): raise ValueError('deep')"));
  // Over HTTP they are a member of the workflow.
  Daemon daemon;
  json::object document = chain({node("g", "import helpers\ndef g(): return helpers.X")});
  document["modules"] = json::object{{"helpers", "X = 7"}};
  CHECK(daemon.run(document)["data"].at("outputs").at("g") == 7);
  document["modules"] = json::object{{"no name", "X = 7"}};
  const Answer refused = daemon.post("/workflows", document);
  CHECK(refused.status == 400);
  CHECK(has(refused.body, "/modules/no name: expected the name of a module"));
}

TEST_CASE("a decorator that returns another type than it keeps written: a warning, and the live result") {
  const Cli cli;
  const std::string flow = cli.flow(chain({node("n", R"(
import functools
def deco(f):
    @functools.wraps(f)
    def inner(*args, **words): return str(f(*args, **words)) + "!"
    return inner
@deco
def n(x: int = 3) -> int: return x
)"),
                                           node("m", "def m(s: str) -> str: return s")}));
  const Finished checked = cli({"check", flow});
  CHECK_MESSAGE(checked.code == 0, checked.out);
  CHECK(has(checked.out, "warning: node \"m\": input 's' takes str, but node \"n\" gives int"));
  CHECK(cli({"run", "-q", flow}).out == "m = \"3!\"\n");
}

TEST_CASE("a byte order mark of an input file is not text; a bool is given by its words") {
  const Cli cli;
  const std::string flow = cli.flow(chain({node("n", "def n(name: str, b: bool): return [name, b]")}));
  cli.directory.file("bom.txt", "\xEF\xBB\xBFhello");
  CHECK(cli({"run", "-q", flow, "-i", "name=@" + cli.directory.path() + "/bom.txt", "-i", "b=Yes"}).out ==
        "n = [\"hello\",true]\n");
  CHECK(cli({"run", "-q", flow, "-i", "name=x", "-i", "b=off"}).out == "n = [\"x\",false]\n");
}

TEST_CASE("misspelt members of connections are named, and what check warns of is what run refuses") {
  const Cli cli;
  const auto with = [&](const char* connection) {
    return cli.directory.file("flow.json", std::string(R"({"nodes": [{"id": "n", "code": "def n(): return 1"},
      {"id": "m", "code": "def m(x, y=2): return x"}], "connections": [)") +
                                               connection + "]}");
  };
  for (const auto& [connection, said] :
       {std::pair{R"({"source": {"nodeId": "n", "ouput": "lo"}, "target": "m"})", "/connections/0/source/ouput"},
        std::pair{R"({"source": "n", "target": {"nodeId": "m", "inptu": "y"}})", "did you mean input?"}}) {
    const std::string flow = with(connection);
    const Finished checked = cli({"check", flow});
    CHECK_MESSAGE(checked.code == 1, checked.out);
    CHECK(has(checked.out, said));
    CHECK(cli({"run", "-q", flow}).code == 2);
  }
  CHECK(has(cli({"check", with(R"({"source": "n", "target": "m", "sourceHandle": "lo"})")}).out,
            "/connections/0/sourceHandle: there is no such member"));
}
