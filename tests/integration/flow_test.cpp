// Nodes of flow, run: branches, loops, their records and their errors.
#include <doctest/doctest.h>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

std::string status_of(const json::value& report, const std::string& name) {
  return text(node_in(report, name).at("status"));
}

json::object choice() {
  return flow_of({code("n", "def n(n: int = 5) -> int: return n"), flow_node("big", "if", {{"condition", "value > 3"}}),
                  code("yes", "def yes(x: int) -> str: return f'{x} is big'"),
                  code("no", "def no(x: int) -> str: return f'{x} is small'"),
                  code("out", "def out(said: str) -> str: return said.upper()")},
                 {"n > big", "big.true > yes", "big.false > no", "yes > out", "no > out"});
}

}  // namespace

TEST_CASE("an if goes one way, and what follows takes what is live") {
  const Cli cli;
  const json::value big = cli.json_of(choice());
  CHECK(big.at("outputs") == json::value({{"out", "5 IS BIG"}}));
  CHECK(status_of(big, "no") == "skipped");
  CHECK(node_in(big, "no").at("reason") == "not taken by \"big\"");
  CHECK(node_in(big, "big").at("live_outputs") == json::array{"true"});
  const json::value small = cli.json_of(choice(), {"-i", "n=1"});
  CHECK(small.at("outputs") == json::value({{"out", "1 IS SMALL"}}));
  CHECK(status_of(small, "yes") == "skipped");
  CHECK(has(cli({"check", cli.flow(choice())}).out, "no findings"));
}

TEST_CASE("a parameter whose source was not taken gets its literal, its default, or the node is skipped") {
  const Cli cli;
  const auto with = [](const std::string& end, json::object inputs) {
    json::object out = code("out", end);
    if (!inputs.empty()) out["inputs"] = std::move(inputs);
    return flow_of({code("n", "def n(): return 1"), flow_node("f", "if", {{"condition", "value > 3"}}),
                    code("yes", "def yes(x): return x"), std::move(out)},
                   {"n > f", "f.true > yes", "n > out", "yes > out.1"});
  };
  CHECK(cli.json_of(with("def out(a, b=7): return [a, b]", {})).at("outputs").at("out") == json::array{1, 7});
  CHECK(cli.json_of(with("def out(a, b): return [a, b]", {{"b", 9}})).at("outputs").at("out") == json::array{1, 9});
  const json::value skipped = cli.json_of(with("def out(a, b): return [a, b]", {}));
  CHECK(skipped.at("status") == "completed");
  CHECK(status_of(skipped, "out") == "skipped");
  CHECK(has(text(node_in(skipped, "out").at("reason")), "missing argument 'b'"));
}

TEST_CASE("switch, filter, set and merge") {
  const Cli cli;
  const json::array rules{json::object{{"when", "value > 10"}, {"name", "much"}},
                          json::object{{"when", "value > 5"}, {"name", "some"}}};
  const auto switched = [&](bool all, int n) {
    json::object report = cli.json_of(flow_of({code("n", "def n(): return " + std::to_string(n)),
                                               flow_node("s", "switch", {{"rules", rules}, {"all_matches", all}}),
                                               code("a", "def a(x): return 'a'"), code("b", "def b(x): return 'b'"),
                                               code("c", "def c(x): return 'c'")},
                                              {"n > s", "s.much > a", "s.some > b", "s.otherwise > c"}))
                              .as_object();
    std::string live;
    for (const char* one : {"a", "b", "c"})
      if (status_of(report, one) == "completed") live += one;
    return live;
  };
  CHECK(switched(false, 20) == "a");
  CHECK(switched(true, 20) == "ab");
  CHECK(switched(true, 7) == "b");
  CHECK(switched(false, 0) == "c");

  const json::value parted = cli.json_of(flow_of(
      {code("n", "def n() -> list[int]: return [1, 2, 3, 4]"),
       flow_node("even", "filter", {{"condition", "item % 2 == 0"}}), flow_node("both", "merge", {{"mode", "dict"}})},
      {"n > even", "even.kept > both", "even.discarded > both.1"}));
  CHECK(parted.at("outputs").at("both") == json::value({{"even", {2, 4}}, {"even2", {1, 3}}}));

  const json::value fields = cli.json_of(
      flow_of({code("n", "def n(): return {'a': 2, 'b': 3}"),
               flow_node("s", "set", {{"fields", {{"sum", "value['a'] + value['b']"}}}, {"keep", json::array{"a"}}})},
              {"n > s"}));
  CHECK(fields.at("outputs").at("s") == json::value({{"a", 2}, {"sum", 5}}));

  const auto merged = [&](json::object parameters, const char* left, const char* right) {
    return cli
        .json_of(flow_of(
            {code("l", std::string("def l(): return ") + left), code("r", std::string("def r(): return ") + right),
             flow_node("m", "merge", std::move(parameters))},
            {"l > m", "r > m.1"}))
        .as_object();
  };
  CHECK(merged({{"mode", "list"}}, "1", "2").at("outputs").at("m") == json::array{1, 2});
  CHECK(merged({{"mode", "concat"}}, "[1]", "[2]").at("outputs").at("m") == json::array{1, 2});
  CHECK(json::serialize(merged({{"mode", "zip"}}, "[1, 2]", "[3, 4]").at("outputs").at("m")) == "[[1,3],[2,4]]");
  CHECK(has(text(merged({{"mode", "zip"}}, "[1, 2]", "[3]").at("error")),
            "lists of the same length; these have: 'l' 2, 'r' 1"));
  const json::object joined = merged({{"mode", "join"}, {"on", "id"}, {"how", "left"}},
                                     "[{'id': 1, 'a': 'x'}, {'id': 2, 'a': 'y'}]", "[{'id': 1, 'b': 5}]");
  CHECK(json::serialize(joined.at("outputs").at("m")) == R"([{"id":1,"a":"x","b":5},{"id":2,"a":"y","b":null}])");
}

TEST_CASE("a loop over items gives the results in order, and records every round") {
  const auto loop = flow_of({code("n", "def n(n: int = 5) -> list[int]: return list(range(n))"),
                             flow_node("each", "for_each"), code("twice", "def twice(x: int) -> int: return 2 * x"),
                             code("sum", "def total(v: list[int]) -> int: return sum(v)")},
                            {"n > each", "each.item > twice", "twice > each.1", "each.done > sum"});
  const Answer done = daemon().run(loop);
  REQUIRE(done["status"] == "completed");
  CHECK(done["data"].at("outputs").at("sum") == 20);
  const json::array& runs = done["data"].at("resultData").at("runData").at("twice").as_array();
  REQUIRE(runs.size() == 5);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    CHECK(runs[i].at("qflow").at("value") == 2 * i);
    CHECK(runs[i].at("qflow").at("loop_index") == json::array{i});
  }
  CHECK(done["data"].at("resultData").at("runs").at("twice") == 5);
  // A long one: the first and the last hundred, and the exact count.
  const std::string id = daemon().store(loop);
  const Answer many = daemon().post("/workflows/" + id + "/execute?wait=120", {{"input_data", {{"n", 2500}}}});
  REQUIRE(many["status"] == "completed");
  CHECK(many["data"].at("outputs").at("sum") == 2500 * 2499);
  const json::array& kept = many["data"].at("resultData").at("runData").at("twice").as_array();
  REQUIRE(kept.size() == 200);
  CHECK(kept[99].at("qflow").at("run") == 99);
  CHECK(kept[100].at("qflow").at("run") == 2400);
  CHECK(many["data"].at("resultData").at("runs").at("twice") == 2500);
  const Answer one = daemon().get("/executions/" + text(many["id"]) + "/data?node=twice&run=2450");
  CHECK(one["resultData"].at("runData").at("twice").at(0).at("qflow").at("value") == 4900);
  // None at all.
  const Answer none = daemon().post("/workflows/" + id + "/execute?wait=60", {{"input_data", {{"n", 0}}}});
  CHECK(none["data"].at("outputs").at("sum") == 0);
  CHECK(none["data"].at("resultData").at("runData").at("twice").at(0).at("qflow").at("reason") ==
        "its loop had no round");
}

TEST_CASE("loops nest, with choices inside; a round without a result adds nothing") {
  const Cli cli;
  const json::value done = cli.json_of(flow_of(
      {code("n", "def n() -> list: return [list(range(i)) for i in range(4)]"), flow_node("outer", "for_each"),
       flow_node("inner", "for_each"), flow_node("odd", "if", {{"condition", "item % 2 == 1 and index == item"}}),
       code("twice", "def twice(x): return 2 * x"), code("add", "def add(v): return sum(v)"),
       code("out", "def out(v): return v")},
      {"n > outer", "outer.item > inner", "inner.item > odd", "odd.true > twice", "twice > inner.1", "inner.done > add",
       "add > outer.1", "outer.done > out"}));
  CHECK(done.at("outputs").at("out") == json::array{0, 0, 2, 2});
  CHECK(node_in(done, "odd").at("runs") == 6);
}

TEST_CASE("while goes on as long as its condition holds, at most so often") {
  const Cli cli;
  const auto doubled = [](json::object parameters) {
    return flow_of({code("n", "def n(n: int = 1): return n"), flow_node("w", "while", std::move(parameters)),
                    code("twice", "def twice(x): return 2 * x"), code("out", "def out(v): return v")},
                   {"n > w", "w.again > twice", "twice > w.1", "w.done > out"});
  };
  CHECK(cli.json_of(doubled({{"condition", "value < 1000"}})).at("outputs").at("out") == 1024);
  CHECK(cli.json_of(doubled({{"condition", "value < 1000"}}), {"-i", "n=5000"}).at("outputs").at("out") == 5000);
  const json::value endless = cli.json_of(doubled({{"condition", "True"}, {"max_iterations", 7}}));
  CHECK(has(text(endless.at("error")), "its condition still holds after 7 rounds (max_iterations)"));
  CHECK(node_in(endless, "twice").at("runs") == 7);
}

TEST_CASE("a round that fails ends the loop, or is collected") {
  const Cli cli;
  const auto inverse = [](json::object parameters) {
    return flow_of({code("n", "def n(n: int = 300) -> list[int]: return list(range(n))"),
                    flow_node("each", "for_each", std::move(parameters)), code("inv", "def inv(x): return 1 / (x - 3)"),
                    code("neg", "def neg(x): return -x"), code("out", "def out(v): return len(v), v[3]")},
                   {"n > each", "each.item > inv", "inv > neg", "neg > each.1", "each.done > out"});
  };
  const json::value stopped = cli.json_of(inverse({}));
  CHECK(stopped.at("status") == "failed");
  CHECK(has(text(stopped.at("error")), "ZeroDivisionError: division by zero (node 'inv', line 1)"));
  CHECK(node_in(stopped, "inv").at("runs") == 4);
  CHECK(status_of(stopped, "neg") == "skipped");
  CHECK(has(text(node_in(stopped, "each").at("error").at("message")), "round 3: node \"inv\" failed"));
  CHECK(status_of(stopped, "out") == "skipped");
  const json::value collected = cli.json_of(inverse({{"on_error", "collect"}}));
  REQUIRE(collected.at("status") == "completed");
  const json::value& fourth = collected.at("outputs").at("out").at(1);
  CHECK(collected.at("outputs").at("out").at(0) == 300);
  CHECK(fourth.at("item") == 3);
  CHECK(fourth.at("error").at("type") == "ZeroDivisionError");
  CHECK(fourth.at("error").at("node") == "inv");
}

TEST_CASE("conditions that cannot be judged, and items that are none") {
  const Cli cli;
  const auto judged = [&](const std::string& value, const std::string& condition) {
    const json::value done =
        cli.json_of(flow_of({code("n", "def n(): return " + value), flow_node("f", "if", {{"condition", condition}}),
                             code("out", "def out(x): return 1")},
                            {"n > f", "f.true > out"}));
    return done.at("error").is_null() ? std::string() : text(done.at("error"));
  };
  CHECK(judged("1", "value > 0").empty());
  CHECK(has(judged("1", "valu > 0"), "NameError: name 'valu' is not defined (node 'f', line 1)"));
  CHECK(has(judged("[1]", "value['x']"), "TypeError"));
  CHECK(judged("[1, 2]", "all(x > index_ for x in value for index_ in [0])").empty());
  CHECK(judged("1", "execution.mode == 'manual' and execution.started.year > 2000").empty());
  const auto looped = [&](const std::string& value, json::object parameters) {
    return text(
        cli.json_of(flow_of({code("n", "def n(): return " + value), flow_node("e", "for_each", std::move(parameters))},
                            {"n > e", "e.item > e.1"}))
            .at("error"));
  };
  CHECK(has(looped("7", {}), "qflow.for_each takes a list or a table, not int"));
  CHECK(has(looped("{'a': 1}", {}), "list(value.items()) gives its pairs"));
  CHECK(has(looped("list(range(11))", {{"max_items", 10}}), "11 items, where 10 are allowed (max_items)"));
  CHECK(has(looped("__import__('itertools').count()", {}), "never ends"));
}

TEST_CASE("findings name the parameter, before anything runs") {
  const Cli cli;
  const auto wrong =
      flow_of({code("n", "def n(): return 1"), flow_node("f", "if", {{"condition", "value >"}})}, {"n > f"});
  const Finished checked = cli({"check", cli.flow(wrong), "--json"});
  CHECK(checked.code == 1);
  const json::value findings = json::parse(checked.out).at("findings");
  REQUIRE(findings.as_array().size() == 1);
  CHECK(findings.at(0).at("code") == "invalid_expression");
  CHECK(findings.at(0).at("pointer") == "/nodes/1/parameters/condition");
  const Finished refused = cli({"run", cli.flow(wrong)});
  CHECK(refused.code == 1);
  CHECK(has(refused.err, "SyntaxError: parameters/condition: invalid syntax"));
  const auto n8n = flow_of({flow_node("f", "if", {{"condition", "={{ $json.x }}"}})}, {});
  CHECK(has(cli({"run", cli.flow(n8n)}).err, "this is an n8n expression"));
  // Types pass through.
  const auto typed =
      flow_of({code("n", "def n() -> list[int]: return [1]"), flow_node("f", "if", {{"condition", "value"}}),
               flow_node("e", "for_each"), code("s", "def s(x: str) -> str: return x")},
              {"n > f", "f.true > e", "e.item > s", "s > e.1"});
  const Finished mismatch = cli({"check", cli.flow(typed)});
  CHECK(mismatch.code == 1);
  CHECK(has(mismatch.out, "[incompatible_types]"));
}

TEST_CASE("a stop node ends the execution") {
  const Cli cli;
  const auto stopped = [](json::object parameters) {
    return flow_of({code("n", "def n(): return 1"), flow_node("f", "if", {{"condition", "value == 1"}}),
                    flow_node("halt", "stop", std::move(parameters)), code("after", "def after(x): return 2")},
                   {"n > f", "f.true > halt", "n > after"});
  };
  const json::value failed = cli.json_of(stopped({{"message", "nothing to do"}}));
  CHECK(failed.at("status") == "failed");
  CHECK(has(text(failed.at("error")), "Stopped: nothing to do (node 'halt')"));
  const json::value completed = cli.json_of(stopped({{"status", "completed"}}));
  CHECK(completed.at("status") == "completed");
  CHECK(completed.at("error").is_null());
}

TEST_CASE("flow across sandboxes: only JSON values pass, choices and loops are kept") {
  const Cli cli;
  json::object other = code("twice", "def twice(x): return 2 * x");
  other["sandbox"] = {{"memory", "300M"}};
  const json::value done =
      cli.json_of(flow_of({code("n", "def n() -> list[int]: return [1, 2, 3]"), flow_node("each", "for_each"),
                           flow_node("odd", "if", {{"condition", "value % 2 == 1"}}), other,
                           code("same", "def same(x): return x"), code("out", "def out(v): return v")},
                          {"n > each", "each.item > odd", "odd.true > twice", "odd.false > same", "twice > each.1",
                           "same > each.1", "each.done > out"}));
  CHECK(done.at("error").is_null());
  CHECK(done.at("outputs").at("out") == json::array{2, 2, 6});
}

TEST_CASE("node types of flow are listed with what a form needs") {
  const json::array types = daemon().get("/nodes").parsed().as_array();
  std::size_t flow = 0;
  for (const json::value& one : types)
    if (const auto* group = one.as_object().if_contains("group"); group != nullptr && *group == "flow") ++flow;
  CHECK(flow >= 8);
  const Answer one = daemon().get("/nodes/qflow.if");
  CHECK(one["properties"].at("condition").at("required") == true);
  CHECK(one["outputs"] == json::array{"true", "false"});
}
