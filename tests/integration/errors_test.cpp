// What becomes of an execution when a node fails: tries, error outputs, error workflows, time limits, retries; and runs
// of a part, with values that are there already.
#include <doctest/doctest.h>

#include <thread>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

// Succeeds the third time: the worker's own file counts.
constexpr const char* kThird = R"(
import os
def third():
    with open("/tmp/tries", "a") as f: f.write("x")
    n = os.path.getsize("/tmp/tries")
    print("try", n)
    if n < 3: raise ValueError(f"try {n}")
    return n
)";

}  // namespace

TEST_CASE("a node is tried as often as it says, and every try is recorded") {
  const Answer done = daemon().run(flow_of({code("third", kThird, {{"retryOnFail", true}, {"waitBetweenTries", 5}}),
                                            code("after", "def after(n): return n * 10")},
                                           {"third > after"}));
  REQUIRE(done["status"] == "completed");
  CHECK(done["data"].at("outputs").at("after") == 30);
  const json::array& runs = done["data"].at("resultData").at("runData").at("third").as_array();
  REQUIRE(runs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(runs[i].at("qflow").at("retry_count") == i);
    CHECK(text(runs[i].at("qflow").at("stdout")) == "try " + std::to_string(i + 1) + "\n");
    CHECK(text(runs[i].at("executionStatus")) == (i < 2 ? "error" : "success"));
  }
  const Cli cli;
  const auto with = [&](json::object settings) {
    settings["waitBetweenTries"] = 1;
    return cli.json_of(flow_of({code("third", kThird, settings)}, {}));
  };
  CHECK(text(with({{"retryOnFail", true}, {"maxTries", 2}}).at("status")) == "failed");
  CHECK(has(text(with({{"retryOnFail", true}, {"maxTries", 2}}).at("error")), "ValueError: try 2"));
  CHECK(text(with({{"retryOnFail", true}, {"retryOn", json::array{"KeyError"}}}).at("status")) == "failed");
  CHECK(text(with({{"retryOnFail", true}, {"retryOn", json::array{"ValueError"}}}).at("status")) == "completed");
  CHECK(text(with({}).at("status")) == "failed");
}

TEST_CASE("settings of errors that make no sense are refused by name") {
  const Cli cli;
  const auto refused = [&](json::object settings) {
    return cli({"run", cli.flow(flow_of({code("n", "def n(): return 1", std::move(settings))}, {}))}).err;
  };
  CHECK(has(refused({{"retryOnFail", true}, {"maxTries", 101}}), "/nodes/0/maxTries"));
  CHECK(has(refused({{"retryOnFail", true}, {"retryOn", json::array()}}),
            "/nodes/0/retryOn: expected the names of exceptions"));
  CHECK(
      has(refused({{"retryOn", json::array{"not a name"}}}), "/nodes/0/retryOn/0: expected the name of an exception"));
  CHECK(has(refused({{"onError", "continueErorOutput"}}), "did you mean continueErrorOutput?"));
}

TEST_CASE("the execution goes on after an error, by an output of its own or in the value's place") {
  const Cli cli;
  const auto failing = [&](const char* how, const char* edge) {
    return cli.json_of(
        flow_of({code("n", "def n(): return {'k': 5}"), code("bad", "def bad(d): return d['x']", {{"onError", how}}),
                 code("good", "def good(v): return 'good'"), code("caught", "def caught(e): return e")},
                {"n > bad", "bad > good", edge}));
  };
  const json::value output = failing("continueErrorOutput", "bad.error > caught");
  REQUIRE(output.at("status") == "completed");
  CHECK(text(node_in(output, "bad").at("status")) == "failed");
  CHECK(text(node_in(output, "good").at("status")) == "skipped");
  const json::value& caught = output.at("outputs").at("caught");
  CHECK(text(caught.at("error").at("type")) == "KeyError");
  CHECK(caught.at("error").at("line") == 1);
  CHECK(text(caught.at("error").at("node")) == "bad");
  CHECK(has(text(caught.at("error").at("traceback")), "d['x']"));
  CHECK(caught.at("input").at("d").at("k") == 5);
  const json::value regular = failing("continueRegularOutput", "bad > caught");
  CHECK(text(regular.at("outputs").at("caught").at("error").at("type")) == "KeyError");
  CHECK(text(node_in(regular, "good").at("status")) == "completed");
  // Nothing fails: the error output is not taken.
  const json::value fine =
      cli.json_of(flow_of({code("n", "def n(): return 1", {{"onError", "continueErrorOutput"}}),
                           code("good", "def good(v): return v"), code("caught", "def caught(e): return e")},
                          {"n > good", "n.error > caught"}));
  CHECK(text(node_in(fine, "caught").at("status")) == "skipped");
}

TEST_CASE("errors between sandboxes, in loops, and of modules that do not load") {
  const Cli cli;
  const json::object apart{{"processes", 40}};
  // The handler runs in another sandbox.
  const json::value handled =
      cli.json_of(flow_of({code("bad", "def bad(): return 1 / 0", {{"onError", "continueErrorOutput"}}),
                           code("caught", "def caught(e): return e['error']['type']", {{"sandbox", apart}})},
                          {"bad.error > caught"}));
  CHECK(text(handled.at("outputs").at("caught")) == "ZeroDivisionError");
  // In the value's place, round by round.
  json::object loop =
      flow_of({code("items", "def items(): return [1, 2, 3]"),
               {{"id", "each"}, {"name", "each"}, {"type", "qflow.for_each"}},
               code("a", "def a(x):\n    if x == 2: raise ValueError('two')\n    return x",
                    {{"onError", "continueRegularOutput"}}),
               code("b", "def b(x): return 'error' if isinstance(x, dict) else x * 10", {{"sandbox", apart}}),
               code("end", "def end(v): return v", {{"sandbox", apart}})},
              {"items > each", "each.item > a", "a > b", "each.done > end"});
  loop["connections"].get_array().push_back(
      json::object{{"source", "b"}, {"target", {{"nodeId", "each"}, {"input", 1}}}});
  CHECK(json::serialize(cli.json_of(loop).at("outputs").at("end")) == R"([10,"error",30])");
  // A side branch that fails fails its round.
  json::object side = flow_of(
      {code("items", "def items(): return [1, 2]"),
       {{"id", "each"}, {"name", "each"}, {"type", "qflow.for_each"}, {"parameters", {{"on_error", "collect"}}}},
       code("a", "def a(x): return x"),
       code("b", "def b(x): raise KeyError(x)")},
      {"items > each", "each.item > a", "each.item > b"});
  side["connections"].get_array().push_back(
      json::object{{"source", "a"}, {"target", {{"nodeId", "each"}, {"input", 1}}}});
  CHECK(text(cli.json_of(side).at("outputs").at("each").at(1).at("error").at("type")) == "KeyError");
  // What does not load is refused before anything runs, whatever its errors are worth.
  const json::value broken =
      cli.json_of(flow_of({code("first", "def first(): return 1"),
                           code("bad", "import nosuch\ndef bad(x): return x", {{"onError", "continueRegularOutput"}})},
                          {"first > bad"}));
  CHECK(text(broken.at("status")) == "failed");
  CHECK(has(text(broken.at("error")), "ModuleNotFoundError"));
  CHECK(text(node_in(broken, "first").at("status")) == "skipped");
  CHECK(has(cli({"run",
                 cli.flow(flow_of({code("n", "def n(): return 1"), code("h", "def h(e): return e")}, {"n.error > h"}))})
                .err,
            "which has one only with \"onError\": \"continueErrorOutput\""));
  CHECK(has(
      cli({"run", cli.flow(flow_of({code("n", "def n(): return 1, 2",
                                         {{"outputs", json::array{"a", "b"}}, {"onError", "continueRegularOutput"}})},
                                   {}))})
          .err,
      "it has several outputs, so there is none for the error"));
  // Every try begins with the same.
  const json::value fresh = cli.json_of(flow_of(
      {code("n", "def n(): return []"), code("grow",
                                             "def grow(v):\n    v.append(1)\n    if not hasattr(grow, 'tried'):\n      "
                                             "  grow.tried = True\n        raise ValueError\n    return v",
                                             {{"retryOnFail", true}, {"waitBetweenTries", 1}})},
      {"n > grow"}));
  CHECK(fresh.at("outputs").at("grow") == json::array{1});
}

TEST_CASE("a pinned node of a branch that is not taken stays out") {
  const Cli cli;
  json::object flow =
      flow_of({code("n", "def n(): return 1"),
               {{"id", "f"}, {"name", "f"}, {"type", "qflow.if"}, {"parameters", {{"condition", "True"}}}},
               code("yes", "def yes(x): return 'yes'"),
               code("no", "def no(x): return 'no'"),
               {{"id", "both"}, {"name", "both"}, {"type", "qflow.merge"}, {"parameters", {{"mode", "list"}}}}},
              {"n > f", "f.true > yes", "f.false > no", "yes > both", "no > both"});
  const std::string pin = cli.directory.file("pin.json", "\"PIN\"");
  const Finished done = cli({"run", cli.flow(flow), "--json", "--pin", "no=" + pin});
  CHECK(json::parse(done.out).at("outputs").at("both") == json::array{"yes"});
}

TEST_CASE("an execution has a time limit of its own") {
  const Cli cli;
  const json::value done = cli.json_of(flow_of({code("a", "import time\ndef a(): time.sleep(0.3); return 1"),
                                                code("b", "import time\ndef b(x): time.sleep(20)")},
                                               {"a > b"}, {{"timeout", 1}}));
  CHECK(text(done.at("status")) == "failed");
  CHECK(has(text(done.at("error")),
            "TimedOut: the execution ran longer than its time limit of 1 s (settings.timeout) (node 'b')"));
  CHECK(text(node_in(done, "a").at("status")) == "completed");
  CHECK(done.at("duration_ms").to_number<double>() < 10'000);
}

TEST_CASE("an error workflow runs once, with what went wrong") {
  const std::string handler = daemon().store(flow_of({code("note",
                                                           "def note(error, node, workflow, execution): return "
                                                           "[error['type'], node, workflow['name'], execution['id']]")},
                                                     {}));
  const std::string broken =
      daemon().store(flow_of({code("bad", "def bad(): raise KeyError('nope')")}, {}, {{"errorWorkflow", handler}}));
  const Answer failed = daemon().post("/workflows/" + broken + "/execute?wait=60", json::object());
  REQUIRE(failed["status"] == "failed");
  json::value rows;
  for (int i = 0; i < 100; ++i) {
    rows = daemon().get("/executions?workflowId=" + handler).parsed();
    if (rows.at("count") == 1 && rows.at("results").at(0).at("status") == "completed") break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  REQUIRE(rows.at("count") == 1);
  CHECK(text(rows.at("results").at(0).at("mode")) == "error");
  const Answer record = daemon().get("/executions/" + text(rows.at("results").at(0).at("id")));
  const json::value& said = record["data"].at("outputs").at("note");
  CHECK(text(said.at(0)) == "KeyError");
  CHECK(text(said.at(1)) == "bad");
  CHECK(text(said.at(3)) == text(failed["id"]));
}

TEST_CASE("a failed execution is run again from what failed") {
  const std::string id = daemon().store(
      flow_of({code("slow", "import time\ndef slow(): return time.time_ns()"),
               code("picky", "def picky(x, ok=False):\n    if not ok: raise ValueError('no')\n    return x")},
              {"slow > picky"}));
  const Answer first = daemon().post("/workflows/" + id + "/execute?wait=60", json::object());
  REQUIRE(first["status"] == "failed");
  const json::value made = first["data"].at("resultData").at("runData").at("slow").at(0).at("qflow").at("value");
  // The workflow is mended meanwhile.
  json::value mended = daemon().get("/workflows/" + id).parsed();
  mended.at("nodes").at(1).as_object()["code"] = "def picky(x): return x";
  REQUIRE(daemon().call("PATCH", "/workflows/" + id, {{"nodes", mended.at("nodes")}}).status == 200);
  const Answer again = daemon().post("/executions/" + text(first["id"]) + "/retry", {{"workflow", "current"}});
  REQUIRE(again.status == 202);
  CHECK(again["reused"] == json::array{"slow"});
  CHECK(again["again"] == json::array{"picky"});
  json::value record;
  for (int i = 0; i < 100; ++i) {
    record = daemon().get("/executions/" + text(again["id"])).parsed();
    if (text(record.at("status")) != "running" && text(record.at("status")) != "queued") break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(text(record.at("status")) == "completed");
  CHECK(text(record.at("mode")) == "retry");
  CHECK(text(record.at("retryOf")) == text(first["id"]));
  CHECK(record.at("data").at("outputs").at("picky") == made);
  const Answer stored = daemon().post("/executions/" + text(first["id"]) + "/retry", {{"from", "start"}});
  REQUIRE(stored.status == 202);
  CHECK(stored["reused"].as_array().empty());
  CHECK(daemon().post("/executions/" + text(first["id"]) + "/retry", {{"from", "begining"}}).status == 400);
  CHECK(daemon().post("/executions/nope/retry", json::object()).status == 404);
  // It starts an execution: a key that may only change executions may not.
  const Answer key = daemon().post("/api-keys", {{"name", "narrow"}, {"scopes", json::array{"executions:write"}}});
  REQUIRE(key.status == 201);
  Connection narrow(daemon().port());
  const Answer refused =
      narrow.call("POST", "/executions/" + text(first["id"]) + "/retry", "{}",
                  "Authorization: Bearer " + text(key["key"]) + "\r\nContent-Type: application/json\r\n");
  CHECK(refused.status == 403);
}

TEST_CASE("pinned nodes do not run, and a part runs with values of before") {
  const std::string id = daemon().store(flow_of(
      {code("a", "import time\ndef a() -> int: return time.time_ns()"), code("b", "def b(x: int) -> int: return x + 1"),
       code("c", "def c(x: int) -> int: return x * 2"), code("d", "def d(): return 1 / 0")},
      {"a > b", "b > c"}));
  const auto execute = [&](json::object body) { return daemon().post("/workflows/" + id + "/execute?wait=60", body); };
  const Answer pinned = execute({{"destinationNode", "c"}, {"pinData", {{"b", 20}}}});
  INFO(pinned.body);
  REQUIRE(pinned["status"] == "completed");
  CHECK(pinned["data"].at("outputs").at("c") == 40);
  CHECK_FALSE(pinned["data"].at("resultData").at("runData").as_object().contains("a"));
  CHECK_FALSE(pinned["data"].at("resultData").at("runData").as_object().contains("d"));
  // n8n's items stand for the value that they show.
  const json::value items = json::array{json::object{{"json", json::object{{"value", 4}}}}};
  CHECK(execute({{"destinationNode", "c"}, {"pinData", {{"b", items}}}})["data"].at("outputs").at("c") == 8);
  const Answer wrong = execute({{"destinationNode", "c"}, {"pinData", {{"b", "text"}}}});
  CHECK(wrong.status == 422);
  CHECK(has(wrong.body, "its pinned value is not the int that it returns"));
  const Answer nobody = execute({{"pinData", {{"bb", 1}}}});
  CHECK(nobody.status == 400);
  CHECK(has(nobody.body, "which is not a node of this workflow"));
  CHECK(
      has(execute({{"destinationNode", "c"}, {"pinData", {{"b", std::string(9 << 20, 'x')}}}}).body, "pin_too_large"));
  // Values of an earlier execution, but for what has changed.
  const Answer whole = execute({{"destinationNode", "c"}});
  REQUIRE(whole["status"] == "completed");
  const json::value run_data = whole["data"].at("resultData").at("runData");
  const json::value before = run_data.at("a").at(0).at("qflow").at("value");
  const Answer reused = execute({{"destinationNode", "c"}, {"runData", run_data}});
  CHECK(reused["data"].at("outputs").at("c") == whole["data"].at("outputs").at("c"));
  const Answer dirty = execute({{"destinationNode", "c"}, {"runData", run_data}, {"dirtyNodeNames", json::array{"a"}}});
  CHECK(dirty["data"].at("outputs").at("c") != whole["data"].at("outputs").at("c"));
}

TEST_CASE("qflow run --from, --reuse and --pin") {
  const Cli cli;
  const std::string flow = cli.flow(
      flow_of({code("a", "import time\ndef a(): return time.time_ns()"), code("b", "def b(x): return x")}, {"a > b"}));
  const auto output = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"run", flow, "--json"});
    return json::parse(cli(options).out).at("outputs").at("b");
  };
  const json::value first = output({});
  CHECK(output({"--from", "b", "--reuse", "last"}) == first);
  CHECK(output({"--from", "a", "--reuse", "last"}) != first);
  CHECK(output({"--pin", "a=" + cli.directory.file("pin.json", "[1, 2]")}) == json::array{1, 2});
  CHECK(has(cli({"run", flow, "--from", "b"}).err, "--from needs --reuse"));
  CHECK(has(cli({"run", flow, "--from", "x", "--reuse", "last"}).err, "no node is named \"x\""));
  CHECK(has(cli({"run", flow, "--reuse", "nope"}).err, "there is no execution nope"));
  CHECK(has(cli({"run", flow, "--pin", "a"}).err, "expected NODE=FILE"));
  CHECK(has(cli({"run", flow, "--pin", "a=" + cli.directory.file("no.json", "{")}).err, "is not JSON"));
}

TEST_CASE("what one node does to a value, another does not see") {
  const Cli cli;
  const auto shared = [&](const std::string& made, const std::string& change) {
    return cli
        .json_of(flow_of(
            {code("n", "def n(): return " + made), code("first", "def first(v):\n    " + change + "\n    return 1"),
             code("second", "def second(v): return v")},
            {"n > first", "n > second"}))
        .at("outputs")
        .at("second");
  };
  CHECK(shared("[1, 2]", "v.append(3)") == json::array{1, 2});
  CHECK(shared("{'a': [1]}", "v['a'].append(3)") == json::value({{"a", json::array{1}}}));
  CHECK(json::serialize(shared("([1], 2)", "v[0].append(3)")) == "[[1],2]");
  const json::value objects = cli.json_of(
      flow_of({code("n", "class Box:\n    def __init__(self): self.items = [1]\ndef n(): return Box()"),
               code("first", "def first(v): v.items.append(2)"), code("second", "def second(v): return v.items")},
              {"n > first", "n > second"}));
  CHECK(objects.at("outputs").at("second") == json::array{1});
  // In every round of a loop, too.
  json::object loop = flow_of({code("n", "def n(): return []"),
                               code("items", "def items(): return [1, 2, 3]"),
                               {{"id", "each"}, {"name", "each"}, {"type", "qflow.for_each"}},
                               code("grow", "def grow(x, all):\n    all.append(x)\n    return list(all)")},
                              {});
  loop["connections"] =
      json::array{json::object{{"source", "items"}, {"target", "each"}},
                  json::object{{"source", {{"nodeId", "each"}, {"output", "item"}}}, {"target", "grow"}},
                  json::object{{"source", "n"}, {"target", {{"nodeId", "grow"}, {"input", 1}}}},
                  json::object{{"source", "grow"}, {"target", {{"nodeId", "each"}, {"input", 1}}}}};
  CHECK(json::serialize(cli.json_of(loop).at("outputs").at("each")) == "[[1],[2],[3]]");
}
