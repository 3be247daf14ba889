// Workflows through a real daemon, real workers, real HTTP.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <atomic>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

/// The record of one node of a finished execution.
json::object record(const Answer& execution, const char* name) {
  return execution["data"].at("resultData").at("runData").at(name).at(0).as_object();
}

}  // namespace

TEST_CASE("a chain runs, and the record has every node with its value and type") {
  const Answer done =
      daemon().run(chain({node("a", "def a(x: int) -> int:\n    print('adding')\n    return x + 1"),
                          node("b", "def b(x): return [x] * 2"), node("c", "def c(x): return {'sum': sum(x)}")}),
                   {{"x", 4}});
  CHECK(done.status == 200);
  CHECK(text(done["status"]) == "completed");
  CHECK(done["data"].at("outputs").at("c") == json::value{{"sum", 10}});
  CHECK(record(done, "a").at("qflow").at("stdout") == "adding\n");
  CHECK(record(done, "b").at("qflow").at("type") == "list");
  CHECK(record(done, "a").at("executionStatus") == "success");
  CHECK(record(done, "c").at("data").at("main").at(0).at(0).at("json") == json::value{{"sum", 10}});
  CHECK(record(done, "b").at("qflow").at("inputs") == json::value{{"x", "node a"}});
  CHECK(done["error"].is_null());
  CHECK(text(done["completedAt"]) >= text(done["startedAt"]));
}

TEST_CASE("branches run and join") {
  const Answer done =
      daemon().run(flow({node("s", "def s(): return 3"), node("l", "def l(x): return x * 10"),
                         node("r", "def r(x): return x * 100"), node("j", "def j(a, b): return [a, b]")},
                        {{"s", "l"}, {"s", "r"}, {"l", "j"}, {"r", "j"}}));
  CHECK(done["data"].at("outputs").at("j") == json::value(json::array{30, 300}));
}

TEST_CASE("values pass by reference, whatever they are") {
  const Answer done =
      daemon().run(chain({node("make",
                               "import threading\nclass Odd:\n    def __init__(self): self.lock = threading.Lock(); "
                               "self.me = id(self)\ndef make(): return Odd()"),
                          node("set", "def f(o): return {'same': id(o) == o.me, 'o': o, 's': {1}}"),
                          node("look", "def look(d): return [d['same'], d['s'] == {1}, d['o'].lock.locked()]")}));
  CHECK(done["data"].at("outputs").at("look") == json::value(json::array{true, true, false}));
  CHECK(record(done, "make").at("qflow").at("type") == "nodes.make.Odd");
  CHECK(record(done, "make").at("qflow").at("exact") == false);
}

TEST_CASE("a numpy array and a data frame pass and are shown") {
  if (run({"/usr/bin/python3", "-c", "import numpy, pandas"}).code != 0) {
    WARN("python3-numpy and python3-pandas are not installed");
    return;
  }
  const Answer done = daemon().run(chain({node("a", "import numpy\ndef a(): return numpy.arange(6).reshape(2, 3)"),
                                          node("b", "def b(x): return float(x.sum())")}));
  CHECK(done["data"].at("outputs").at("b") == 15.0);
  CHECK(record(done, "a").at("qflow").at("value").at("value").at("shape") == json::value(json::array{2, 3}));
  const Answer frame = daemon().node("import pandas\ndef f(): return pandas.DataFrame({'a': [1, 2]})");
  CHECK(frame["output"].at("value").at("rows").at(1) == json::value{{"a", 2}});
}

TEST_CASE("a failing node fails the execution, names the line, and what needs it is skipped") {
  const Answer done =
      daemon().run(flow({node("bad", "def bad():\n    d = {}\n    return d['nope']"),
                         node("after", "def after(x): return x"), node("other", "def other(): return 1")},
                        {{"bad", "after"}}));
  CHECK(text(done["status"]) == "failed");
  CHECK(text(done["error"]) == "KeyError: 'nope' (node 'bad', line 3)");
  CHECK(record(done, "bad").at("error").at("lineNumber") == 3);
  CHECK(text(record(done, "bad").at("error").at("stack")).find("return d['nope']") != std::string::npos);
  CHECK(record(done, "after").at("qflow").at("status") == "skipped");
  CHECK(record(done, "other").at("qflow").at("status") == "completed");
}

TEST_CASE("a parameter that cannot be bound is reported before anything runs") {
  const Answer done = daemon().run(
      flow({node("a", "def a():\n    print('ran')\n    return 1"), node("b", "def b(x, y): return x")}, {{"a", "b"}}),
      {{"z", 1}});
  // One edge and two required parameters: only the value can tell, so the node fails when it runs.
  CHECK(text(done["error"]).find("missing argument 'y'") != std::string::npos);
  const Answer two = daemon().run(chain({node("a", "def a():\n    print('ran')\n    return 1"),
                                         node("b", "def b(x): return x", {{"inputs", {{"nope", 1}}}})}));
  CHECK(text(two["error"]).find("inputs has a value for \"nope\", but the function is b(x)") != std::string::npos);
  CHECK(record(two, "a").at("qflow").at("stdout") == "");
  CHECK(record(two, "a").at("qflow").at("status") == "skipped");
}

TEST_CASE("a dict is spread by name over several required parameters") {
  const Answer done = daemon().run(
      chain({node("a", "def a(): return {'x': 1, 'y': 2, 'z': 3}"), node("b", "def b(x, y): return x + y")}));
  CHECK(done["data"].at("outputs").at("b") == 3);
}

TEST_CASE("several declared outputs go to different nodes") {
  json::object f{{"name", "t"},
                 {"nodes",
                  {node("s", "def s(): return ('l', 'r')", {{"outputs", {"left", "right"}}}),
                   node("a", "def a(x): return x"), node("b", "def b(x): return x")}},
                 {"connections",
                  {{{"source", {{"nodeId", "s"}, {"output", "left"}}}, {"target", "a"}},
                   {{"source", {{"nodeId", "s"}, {"index", 1}}}, {"target", "b"}}}}};
  const Answer done = daemon().run(f);
  CHECK(done["data"].at("outputs") == json::value{{"a", "l"}, {"b", "r"}});
}

TEST_CASE("a running execution is listed, shown and stopped") {
  const std::string id = daemon().store(
      chain({node("a", "def a(): return 1"), node("slow", "import time\ndef slow(x):\n    time.sleep(60)")}));
  const Answer started = daemon().post("/workflows/" + id + "/execute");
  CHECK(started.status == 202);
  CHECK(text(started["status"]) == "running");
  const std::string execution = text(started["executionId"]);
  CHECK(eventually([&] {
    return daemon().get("/executions/" + execution)["data"].at("resultData").at("runData").as_object().contains("a");
  }));
  CHECK(daemon().get("/executions/active")["count"].as_int64() >= 1);
  const Answer stopped = daemon().post("/executions/" + execution + "/stop");
  CHECK(stopped.status == 200);
  CHECK(text(stopped["status"]) == "cancelled");
  CHECK(record(stopped, "slow").at("qflow").at("status") == "cancelled");
  CHECK(record(stopped, "a").at("qflow").at("status") == "completed");
  CHECK(daemon().post("/executions/" + execution + "/stop").status == 409);
}

TEST_CASE("workflows are stored as sent, changed, listed in pages and deleted") {
  json::object sent = chain({node("a", "def a(): return 1")});
  sent["name"] = "Pages " + std::to_string(::getpid());
  sent["pinData"] = json::object{{"x", 1}};
  sent["nodes"].as_array()[0].as_object()["position"] = {10, 20};
  const std::string id = daemon().store(sent);
  const Answer got = daemon().get("/workflows/" + id);
  CHECK(got["nodes"] == sent["nodes"]);
  CHECK(got["connections"] == sent["connections"]);
  CHECK(got["pinData"] == sent["pinData"]);
  CHECK(got["active"] == false);
  const Answer changed = daemon().call("PATCH", "/workflows/" + id, {{"description", "new"}});
  CHECK(changed["description"] == "new");
  CHECK(changed["nodes"] == sent["nodes"]);
  CHECK(changed["version"] == 2);
  const Answer page = daemon().get("/workflows?take=1&skip=0&sortBy=name:asc");
  CHECK(page["data"].as_array().size() == 1);
  CHECK(page["count"].as_int64() > 1);
  const Answer filtered =
      daemon().get("/workflows?filter=%7B%22name%22%3A%22pages%20" + std::to_string(::getpid()) + "%22%7D");
  CHECK(filtered["count"] == 1);
  CHECK(daemon().call("DELETE", "/workflows/" + id)["success"] == true);
  CHECK(daemon().get("/workflows/" + id).status == 404);
  CHECK(daemon().call("DELETE", "/workflows/" + id).status == 404);
}

TEST_CASE("executions are paged by id, filtered by status, and deleted") {
  const std::string id = daemon().store(chain({node("a", "def a(fail=False):\n    assert not fail")}));
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(
        text(daemon().post("/workflows/" + id + "/execute?wait=30", {{"input_data", {{"fail", i == 1}}}})["id"]));
  const Answer page = daemon().get("/executions?limit=2&workflowId=" + id);
  CHECK(page["count"] == 3);
  CHECK(text(page["results"].at(0).at("id")) == ids[2]);
  const Answer next = daemon().get("/executions?limit=2&workflowId=" + id + "&lastId=" + ids[1]);
  CHECK(next["results"].as_array().size() == 1);
  CHECK(text(next["results"].at(0).at("id")) == ids[0]);
  CHECK(daemon().get("/executions?status=error&workflowId=" + id)["count"] == 1);
  CHECK(daemon().get("/executions?status=nonsense").status == 400);
  CHECK(daemon().get("/executions/" + ids[0] + "/data")["resultData"].at("lastNodeExecuted") == "a");
  CHECK(daemon().call("DELETE", "/executions/" + ids[0])["success"] == true);
  CHECK(daemon().get("/executions/" + ids[0]).status == 404);
}

TEST_CASE("many clients at once each get their own answer") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      Connection connection(daemon().port());
      for (int i = 0; i < 10; ++i) {
        const std::string body =
            json::serialize(json::object{{"code", "def f(x): return x * 2"}, {"input_data", {{"x", t * 1000 + i}}}});
        const Answer answer = connection.call("POST", "/nodes/python/execute", body, daemon().authorization());
        if (answer.status != 200 || answer["output"] != (t * 1000 + i) * 2) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("executions share nothing: no files, no modules, no random numbers") {
  const std::string code =
      "import random, builtins, os\ndef f():\n    seen = [os.path.exists('/tmp/left'), hasattr(builtins, 'left')]\n    "
      "open('/tmp/left', 'w').close()\n    builtins.left = 1\n    return seen + [random.random()]";
  const json::value first = daemon().node(code)["output"];
  const json::value second = daemon().node(code)["output"];
  CHECK(first.at(0) == false);
  CHECK(second.at(0) == false);
  CHECK(second.at(1) == false);
  CHECK(first.at(2) != second.at(2));
}

TEST_CASE("code is described without being called") {
  const Answer good =
      daemon().post("/nodes/python/validate",
                    {{"code", "def main(items: list[int], n=2) -> str:\n    raise SystemExit\ndef other(): pass"}});
  CHECK(good["valid"] == true);
  CHECK(good["functions"] == json::value(json::array{"main", "other"}));
  CHECK(good["suggested_types"].at("main").at("inputs").at(0).at("type") == "list");
  CHECK(good["suggested_types"].at("output") == "string");
  const Answer bad = daemon().post("/nodes/python/validate", {{"code", "def f(:\n"}});
  CHECK(bad.status == 200);
  CHECK(bad["valid"] == false);
  CHECK(text(bad["errors"].at(0)).find("SyntaxError") == 0);
  CHECK(text(bad["errors"].at(0)).find("(line 1)") != std::string::npos);
  CHECK(daemon().post("/nodes/python/validate", {{"code", "import nothing_such"}})["valid"] == false);
  CHECK(daemon().post("/nodes/python/validate", json::object()).status == 400);
}

TEST_CASE("every Python of this build runs") {
  const json::value available = daemon().get("/health")["checks"].at("python_environments").at("available_versions");
  CHECK(available.as_array().size() >= 1);
  for (const auto& version : available.as_array()) {
    const Answer answer =
        daemon().node("import sys, json, re\ndef f():\n    print('out')\n    return '%d.%d' % sys.version_info[:2]",
                      nullptr, {{"python_version", version}});
    CHECK_MESSAGE(answer["output"] == version, answer.body);
    CHECK(answer["stdout"] == "out\n");
    const Answer failed = daemon().node("def f():\n    return 1 / 0", nullptr, {{"python_version", version}});
    CHECK(text(failed["error"]) == "ZeroDivisionError: division by zero");
    CHECK(failed["line"] == 2);
  }
}
