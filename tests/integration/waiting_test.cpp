// Executions that wait without a worker, over a restart and over kill -9; what they keep, who makes them go on.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

json::object wait_node(json::object parameters) {
  return {{"id", "wait"}, {"name", "wait"}, {"type", "qflow.wait"}, {"parameters", std::move(parameters)}};
}

// Before the wait: a value that JSON has, one that it has not, one that nobody takes later, a branch that is not taken.
json::object long_flow(json::object parameters) {
  return flow_of(
      {code("start", "class Box:\n    def __init__(self, inside): self.inside = inside\ndef start(): return 5"),
       code("box", "from nodes.start import Box\ndef box(n):\n    print('made')\n    return Box({n, n + 1})"),
       code("socket", "import threading\ndef socket(n): return threading.Lock()"),
       {{"id", "if"}, {"name", "if"}, {"type", "qflow.if"}, {"parameters", {{"condition", "value > 3"}}}},
       code("low", "def low(n): return 'low'"),
       code("high", "def high(n): return 'high'"),
       wait_node(std::move(parameters)),
       code("end", "def end(n, box, word): return [n, sorted(box.inside), word]"),
       code("after", "def after(n): return n")},
      {"start > box", "start > socket", "start > if", "if.true > high", "if.false > low", "start > wait", "wait > end",
       "box > end", "high > end", "end > after"});
}

json::value execution(Daemon& daemon, const std::string& id) { return daemon.get("/executions/" + id).parsed(); }

// Until its status is one of these.
json::value until(Daemon& daemon, const std::string& id, const std::string& words, int seconds = 30) {
  json::value found;
  for (int i = 0; i < seconds * 20; ++i) {
    found = execution(daemon, id);
    if (has(words, text(found.at("status")))) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL("still " << text(found.at("status")));
  return found;
}

std::string start(Daemon& daemon, const json::object& flow) {
  const Answer made = daemon.call("POST", "/workflows", flow);
  REQUIRE(made.status == 201);
  const Answer begun = daemon.call("POST", "/workflows/" + text(made["id"]) + "/execute", json::object{});
  return text(begun["executionId"]);
}

const json::value& end_of(const json::value& execution) { return execution.at("data").at("outputs").at("after"); }

}  // namespace

TEST_CASE("a short wait keeps its worker") {
  const Cli cli;
  const json::value done = cli.json_of(flow_of(
      {code("start", "import time\ndef start(): return [time.monotonic(), lambda: 7]"), wait_node({{"seconds", 0.5}}),
       code("end", "import time\ndef end(v): return [time.monotonic() - v[0] >= 0.5, v[1]()]")},
      {"start > wait", "wait > end"}));
  CHECK(json::serialize(done.at("outputs").at("end")) == "[true,7]");
  json::object loop = flow_of({code("items", "def items(): return [1, 2, 3]"),
                               {{"id", "each"}, {"name", "each"}, {"type", "qflow.for_each"}},
                               wait_node({{"seconds", 0.05}}),
                               code("end", "def end(v): return v")},
                              {"items > each", "each.item > wait", "each.done > end"});
  loop["connections"].get_array().push_back(
      json::object{{"source", "wait"}, {"target", {{"nodeId", "each"}, {"input", 1}}}});
  CHECK(json::serialize(cli.json_of(loop).at("outputs").at("end")) == "[1,2,3]");
}

TEST_CASE("what a wait is told wrong has its place named") {
  const Cli cli;
  const auto refused = [&](json::object parameters) {
    return cli({"run", cli.flow(flow_of({code("start", "def start(): return 1"), wait_node(std::move(parameters))},
                                        {"start > wait"}))})
        .err;
  };
  CHECK(has(refused({}), "expected one of seconds, until, webhook"));
  CHECK(has(refused({{"seconds", 1}, {"webhook", true}}), "expected only one of seconds, until, webhook"));
  CHECK(has(refused({{"seconds", -1}}), "parameters/seconds: expected a number of seconds"));
  CHECK(has(refused({{"until", "tomorrow"}}), "parameters/until: expected a date and time with its zone"));
  CHECK(has(refused({{"until", "2027-01-31T08:00:00"}}), "parameters/until: expected a date and time with its zone"));
  CHECK(has(refused({{"until", "2020-01-31T08:00:00Z"}}), "InThePast: until: 2020-01-31T08:00:00.000Z is past"));
  CHECK(has(refused({{"webhook", true}}), "which only a server can wait for"));
}

TEST_CASE("a long wait costs no worker, outlives the server, and nothing runs twice") {
  const auto directory = std::make_shared<TempDir>();
  std::string resumed, killed, stopped, deleted, due;
  {
    Daemon daemon({}, {}, directory);
    due = start(daemon, long_flow({{"seconds", 10.5}}));
    resumed = start(daemon, long_flow({{"until", "2099-01-31T08:00:00+01:00"}}));
    killed = start(daemon, long_flow({{"seconds", 86400}}));
    stopped = start(daemon, long_flow({{"seconds", 86400}}));
    deleted = start(daemon, long_flow({{"seconds", 86400}}));
    for (const std::string& id : {due, resumed, killed, stopped, deleted}) until(daemon, id, "waiting");
    const json::value waiting = execution(daemon, resumed);
    CHECK(text(waiting.at("waitTill")) == "2099-01-31T07:00:00.000Z");
    CHECK(waiting.at("finished") == false);
    CHECK(daemon.get("/executions/active")["results"].as_array().size() == 5);
    CHECK(daemon.get("/executions?status=waiting")["count"] == 5);
    // Only spares are left.
    for (int i = 0; i < 100 && daemon.workers().size() > 3; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(daemon.workers().size() == 3);
    CHECK(daemon.post("/executions/" + stopped + "/stop").status == 200);
    CHECK(text(execution(daemon, stopped).at("status")) == "cancelled");
    CHECK(daemon.call("DELETE", "/executions/" + deleted).status == 200);
    CHECK(error_code(daemon.post("/executions/" + stopped + "/resume")) == "not_waiting");
    CHECK(daemon.as_user("other@example.com").post("/executions/" + resumed + "/resume").status == 404);
  }
  {
    Daemon daemon({}, {}, directory);
    CHECK(text(execution(daemon, resumed).at("status")) == "waiting");
    REQUIRE(daemon.post("/executions/" + resumed + "/resume").status == 202);
    const json::value done = until(daemon, resumed, "completed failed crashed");
    CHECK(json::serialize(end_of(done)) == R"([5,[5,6],"high"])");
    const json::value& runs = done.at("data").at("resultData").at("runData");
    for (const char* node : {"start", "box", "socket", "if", "high", "wait", "end", "after"}) {
      INFO(node);
      CHECK(runs.at(node).as_array().size() == 1);
    }
    CHECK(text(runs.at("box").at(0).at("qflow").at("stdout")) == "made\n");
    CHECK(error_code(daemon.post("/executions/" + resumed + "/resume")) == "not_waiting");
    const json::value timely = until(daemon, due, "completed failed crashed");
    CHECK(json::serialize(end_of(timely)) == R"([5,[5,6],"high"])");
    CHECK(timely.at("duration_ms").to_number<double>() < 10'000);
    daemon.program().signal(SIGKILL);
  }
  Daemon daemon({}, {}, directory);
  REQUIRE(daemon.post("/executions/" + killed + "/resume").status == 202);
  CHECK(json::serialize(end_of(until(daemon, killed, "completed failed crashed"))) == R"([5,[5,6],"high"])");
}

TEST_CASE("an execution waits for its address, whose token is a secret") {
  Daemon daemon;
  const json::object flow = flow_of({code("start", "def start(): return {'n': 1}"),
                                     {{"id", "set"},
                                      {"name", "set"},
                                      {"type", "qflow.set"},
                                      {"parameters", {{"fields", {{"url", "execution.resume_url"}}}}}},
                                     wait_node({{"webhook", true}}),
                                     code("after", "def after(v): return v")},
                                    {"start > set", "set > wait", "wait > after"});
  const std::string id = start(daemon, flow);
  const json::value waiting = until(daemon, id, "waiting");
  CHECK(waiting.at("waitTill").is_null());
  const std::string url =
      text(waiting.at("data").at("resultData").at("runData").at("set").at(0).at("qflow").at("value").at("url"));
  Daemon stranger = daemon.with_headers("");
  CHECK(stranger.call("GET", url.substr(0, url.size() - 1) + (url.ends_with('0') ? "1" : "0")).status == 404);
  CHECK(stranger.call("GET", "/resume/" + id + "/x").status == 404);
  CHECK(text(execution(daemon, id).at("status")) == "waiting");
  REQUIRE(stranger.send("POST", url + "?who=me", R"({"yes": true})", "Content-Type: application/json\r\n").status ==
          202);
  const json::value done = until(daemon, id, "completed failed crashed");
  const json::value& got = end_of(done);
  CHECK(got.at("value").at("n") == 1);
  CHECK(got.at("body").at("yes") == true);
  CHECK(got.at("query").at("who") == "me");
  CHECK(stranger.call("GET", url).status == 409);
}

TEST_CASE("a wait for a time has no address, and what follows in branches has its values") {
  Daemon daemon;
  json::object flow =
      flow_of({code("start", "def start(): return [10, 20]"),
               {{"id", "set"},
                {"name", "set"},
                {"type", "qflow.set"},
                {"parameters", {{"keep", "none"}, {"fields", {{"url", "execution.resume_url"}}}}}},
               {{"id", "if"}, {"name", "if"}, {"type", "qflow.if"}, {"parameters", {{"condition", "len(value) == 2"}}}},
               wait_node({{"seconds", 3600}}),
               code("one", "def one(w, v): return v"),
               code("two", "def two(w, v): return v"),
               code("after", "def after(one, two, file): return [one, two]"),
               code("file",
                    "import pathlib\ndef file():\n    p = pathlib.Path('/tmp/out.txt')\n    p.write_text('kept')\n    "
                    "return p")},
              {"start > if", "start > set", "start > wait", "wait > one", "if.true > one", "wait > two",
               "if.true > two", "one > after", "two > after", "set > after"},
              {{"parallel", "on"}});
  const std::string id = start(daemon, flow);
  const json::value waiting = until(daemon, id, "waiting failed");
  REQUIRE(text(waiting.at("status")) == "waiting");
  const std::string url =
      text(waiting.at("data").at("resultData").at("runData").at("set").at(0).at("qflow").at("value").at("url"));
  CHECK(daemon.with_headers("").call("GET", url).status == 409);
  REQUIRE(daemon.post("/executions/" + id + "/resume").status == 202);
  const json::value done = until(daemon, id, "completed failed crashed");
  CHECK(json::serialize(end_of(done)) == "[[10,20],[10,20]]");
  CHECK(has(json::serialize(done), "out.txt"));
}

TEST_CASE("what cannot be kept is named") {
  Daemon daemon;
  const json::object flow = flow_of({code("start", "def start(): return lambda: 1"), wait_node({{"seconds", 3600}}),
                                     code("after", "def after(f): return f()")},
                                    {"start > wait", "wait > after"});
  const json::value failed = until(daemon, start(daemon, flow), "failed completed waiting");
  CHECK(has(text(failed.at("error")), "NotKept: the value of \"start\" (function) cannot be kept while it waits"));
  CHECK(has(text(failed.at("error")), "lambda"));
}

TEST_CASE("after a crash executions go on as their settings say") {
  const auto directory = std::make_shared<TempDir>();
  const auto slow = [](const std::string& how, bool idempotent) {
    return flow_of(
        {code("first", "def first():\n    print('once')\n    return {1, 2}"),
         code("plain", "def plain(v): return len(v)"),
         code("slow", "import time\ndef slow(v):\n    time.sleep(2)\n    return v", {{"idempotent", idempotent}}),
         code("after", "def after(v, first): return v * 10 + len(first)")},
        {"first > plain", "plain > slow", "slow > after", "first > after"}, {{"onCrash", how}, {"checkpoint", "all"}});
  };
  std::string resumed, unsure, restarted, marked;
  {
    Daemon daemon({}, {}, directory);
    resumed = start(daemon, slow("resume", true));
    unsure = start(daemon, slow("resume", false));
    restarted = start(daemon, slow("restart", false));
    marked = start(daemon, slow("crashed", true));
    for (const std::string& id : {resumed, unsure, restarted, marked})
      for (int i = 0; i < 200; ++i) {
        const json::value now = execution(daemon, id);
        if (now.at("data").at("resultData").at("runData").as_object().contains("plain")) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    daemon.program().signal(SIGKILL);
  }
  Daemon daemon({}, {}, directory);
  const json::value went_on = until(daemon, resumed, "completed failed crashed");
  CHECK(text(went_on.at("status")) == "completed");
  CHECK(end_of(went_on) == 22);
  CHECK(went_on.at("data").at("resultData").at("runData").at("first").as_array().size() == 1);
  const json::value stopped = until(daemon, unsure, "completed failed crashed");
  INFO(text(stopped.at("error")) << " " << text(went_on.at("error")));
  CHECK(text(stopped.at("status")) == "crashed");
  CHECK(has(text(stopped.at("error")), "node \"slow\" may have been running when qflow stopped"));
  CHECK(end_of(until(daemon, restarted, "completed failed crashed")) == 22);
  CHECK(text(execution(daemon, marked).at("status")) == "crashed");
}

TEST_CASE("a server that stops has executions wait between two nodes, and the next one goes on with them") {
  const auto directory = std::make_shared<TempDir>();
  std::string id;
  {
    Daemon daemon({}, {}, directory);
    id = start(daemon,
               flow_of({code("slow", "import time\ndef slow():\n    time.sleep(1)\n    return {1}"),
                        {{"id", "if"}, {"name", "if"}, {"type", "qflow.if"}, {"parameters", {{"condition", "value"}}}},
                        code("long", "import time\ndef long(v):\n    time.sleep(3)\n    return v"),
                        code("after", "def after(v): return len(v)")},
                       {"slow > if", "if > long", "long > after"}));
    until(daemon, id, "running");
    daemon.program().signal(SIGTERM);
    daemon.program().wait(std::chrono::seconds(30));
  }
  Daemon daemon({}, {}, directory);
  const json::value done = until(daemon, id, "completed failed crashed cancelled");
  CHECK(end_of(done) == 1);
  CHECK(done.at("data").at("resultData").at("runData").at("slow").as_array().size() == 1);
}
