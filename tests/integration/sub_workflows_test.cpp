// Workflows that run other workflows, and workflows that answer the webhook which started them.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one({"--max-running", "2"});
  return one;
}

json::object doubling() {
  json::object flow = flow_of({code("twice", "def twice(n: int) -> int:\n    return 2 * n")}, {});
  flow["name"] = "doubling";
  return flow;
}

// A number, given to the other workflow, and what that gave.
json::object calling(const std::string& other, json::object more = {}, const std::string& first = "{'n': 21}") {
  more["workflow"] = other;
  return flow_of({code("start", "def start(): return " + first), flow_node("sub", "workflow", std::move(more)),
                  code("end", "def end(v): return ['got', v]")},
                 {"start > sub", "sub > end"});
}

const json::value& run_of(const Answer& execution, const std::string& node) {
  return execution["data"].at("resultData").at("runData").at(node).at(0).at("qflow");
}

std::string failure(const json::object& flow) {
  const Answer done = daemon().run(flow);
  CHECK(done["status"] == "failed");
  return text(done["error"]);
}

}  // namespace

TEST_CASE("a workflow runs another one as an execution of its own, and takes its result") {
  const std::string other = daemon().store(doubling());
  const Answer done = daemon().run(calling(other));
  REQUIRE_MESSAGE(done["status"] == "completed", done.body);
  CHECK(json::serialize(done["data"].at("outputs").at("end")) == R"(["got",42])");
  const Answer sub = daemon().get("/executions/" + text(run_of(done, "sub").at("sub_execution")));
  CHECK(sub["status"] == "completed");
  CHECK(sub["mode"] == "workflow");
  CHECK(sub["parentExecutionId"] == done["id"]);
  CHECK(sub["workflowId"] == json::value(other));
  const Answer started = daemon().run(calling(other, {{"mode", "start"}}));
  CHECK(text(started["data"].at("outputs").at("end").at(1).at("execution_id")).size() == 36);
}

TEST_CASE("a sub-workflow needs no place of its own, so that those who wait for it cannot hold it up") {
  const std::string other =
      daemon().store(flow_of({code("slow", "import time\ndef slow(n):\n    time.sleep(0.2)\n    return n")}, {}));
  const std::string caller = daemon().store(calling(other));
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(text(daemon().post("/workflows/" + caller + "/execute")["id"]));
  for (const std::string& id : ids)
    CHECK(eventually([&] { return daemon().get("/executions/" + id)["status"] == "completed"; },
                     std::chrono::seconds(60)));
}

TEST_CASE("in the rounds of a loop, in branches, and in workflows below") {
  const std::string other = daemon().store(doubling());
  const std::string middle = daemon().store(calling(other, {}, "{'n': 3}"));
  const Answer done = daemon().run(flow_of(
      {code("items", "def items(): return [{'n': 1}, {'n': 2}, {'n': 3}]"), flow_node("each", "for_each"),
       flow_node("sub", "workflow", {{"workflow", other}}), flow_node("deep", "workflow", {{"workflow", middle}}),
       code("nothing", "def nothing(v): return {}"), code("end", "def end(v, w): return [v, w]")},
      {"items > each", "each.item > sub", "sub > each.1", "each.done > nothing", "nothing > deep", "each.done > end",
       "deep > end.1"},
      {{"parallel", "on"}}));
  REQUIRE_MESSAGE(done["status"] == "completed", done.body);
  CHECK(json::serialize(done["data"].at("outputs").at("end")) == R"([[2,4,6],["got",6]])");
}

TEST_CASE("what cannot be run, or gives nothing, says why") {
  const std::string other = daemon().store(doubling());
  CHECK(failure(calling("nobody")).find("no workflow has the id nobody") != std::string::npos);
  Daemon guest = daemon().as_user("sub@example.org");
  CHECK(failure(calling(guest.store(doubling()))).find("no workflow has the id") != std::string::npos);
  CHECK(failure(calling(other, {}, "{'n': object()}")).find("the input of another workflow must be JSON") !=
        std::string::npos);
  const std::string dividing = daemon().store(flow_of({code("d", "def d(n): return 1 / n")}, {}));
  CHECK(failure(calling(dividing, {}, "{'n': 0}"))
            .find("the workflow \"flow\" failed: ZeroDivisionError: division by zero (node 'd', line 1)") !=
        std::string::npos);
  CHECK(failure(calling(other, {}, "{'n': 'x'}")).find("expected int") != std::string::npos);
  const std::string opaque = daemon().store(flow_of({code("o", "def o(n): return object()")}, {}));
  CHECK(
      failure(calling(opaque)).find("the output of node \"o\" of the workflow \"flow\" is object, which cannot pass") !=
      std::string::npos);
  const auto refused = [](json::object parameters) {
    json::object flow = calling("x");
    flow["nodes"].get_array()[1].get_object()["parameters"] = std::move(parameters);
    const std::string id = daemon().store(flow);
    return error_message(daemon().post("/workflows/" + id + "/execute"));
  };
  CHECK(refused({}).find("required: the id of a workflow") != std::string::npos);
  CHECK(refused({{"workflow", "x"}, {"mode", "wiat"}}).find("did you mean wait?") != std::string::npos);
  CHECK(refused({{"workflow", "x"}, {"max_depth", 11}}).find("/max_depth: expected a whole number") !=
        std::string::npos);
}

TEST_CASE("a workflow runs itself only as often as it says") {
  const auto self = [](json::object more) {
    const std::string id = daemon().store(doubling());
    json::object flow = flow_of(
        {code("n", "def n(n=5): return {'n': n - 1}"), flow_node("more", "if", {{"condition", "value['n'] > 0"}}),
         flow_node("sub", "workflow", {{"workflow", id}}), code("end", "def end(v=0): return v")},
        {"n > more", "more.true > sub", "sub > end"});
    for (const auto& [key, value] : more)
      flow["nodes"].get_array()[2].get_object()["parameters"].get_object()[key] = value;
    CHECK(daemon().call("PATCH", "/workflows/" + id, flow).status == 200);
    return daemon().post("/workflows/" + id + "/execute?wait=60");
  };
  CHECK(text(self({})["error"]).find("the workflow would run itself; max_depth says how often it may") !=
        std::string::npos);
  CHECK(self({{"max_depth", 8}})["status"] == "completed");
  CHECK(text(self({{"max_depth", 2}})["error"]).find("runs within itself 2 times, as max_depth says") !=
        std::string::npos);
}

TEST_CASE("an execution that is stopped ends what it runs") {
  const std::string other =
      daemon().store(flow_of({code("slow", "import time\ndef slow(n):\n    time.sleep(25)\n    return n")}, {}));
  const std::string id = text(daemon().post("/workflows/" + daemon().store(calling(other)) + "/execute")["id"]);
  const auto sub = [&]() -> json::value {
    const Answer list = daemon().get("/executions?workflowId=" + other);
    return list["results"].as_array().empty() ? json::value() : list["results"].at(0);
  };
  REQUIRE(eventually([&] { return sub().is_object() && sub().at("status") == "running"; }));
  CHECK(daemon().post("/executions/" + id + "/stop").status == 200);
  CHECK(eventually([&] { return sub().at("status") == "cancelled"; }));
}

TEST_CASE("with one place only: a sub-workflow that waits, that has a key, that runs itself") {
  Daemon small({"--max-running", "1"});
  const auto run = [&](const json::object& flow) { return small.run(flow); };
  const std::string waiting = small.store(
      flow_of({code("n", "def n(n): return n"), flow_node("wait", "wait", {{"seconds", 10.2}})}, {"n > wait"}));
  const std::string keyed = small.store(
      flow_of({code("n", "def n(n): return n")}, {}, {{"concurrency", {{"limit", 1}, {"key", "value['n']"}}}}));
  const std::string self = small.store(doubling());
  json::object recursive = flow_of(
      {code("n", "def n(n=3): return {'n': n - 1}"), flow_node("more", "if", {{"condition", "value['n'] > 0"}}),
       flow_node("sub", "workflow", {{"workflow", self}, {"max_depth", 5}}), code("end", "def end(v=0): return v")},
      {"n > more", "more.true > sub", "sub > end"}, {{"concurrency", {{"limit", 1}}}});
  CHECK(small.call("PATCH", "/workflows/" + self, recursive).status == 200);
  CHECK(run(calling(keyed))["status"] == "completed");
  CHECK(small.post("/workflows/" + self + "/execute?wait=60")["status"] == "completed");
  const Answer waited = run(calling(waiting));
  CHECK_MESSAGE(waited["status"] == "completed", waited.body);
}

TEST_CASE("a time-out or a stop of an execution ends what it waits for, and its place is free") {
  const auto directory = std::make_shared<TempDir>();
  Daemon small({"--max-running", "1", "--drain", "0.5"}, {}, directory);
  const std::string waiting = small.store(
      flow_of({code("n", "def n(n): return n"), flow_node("wait", "wait", {{"seconds", 3600}})}, {"n > wait"}));
  json::object timed = calling(waiting);
  timed["settings"] = json::object{{"timeout", 1.5}};
  const Answer late = small.run(timed);
  CHECK(late["status"] == "failed");
  CHECK(has(text(late["error"]), "settings.timeout"));
  const auto last_child = [&] {
    const Answer list = small.get("/executions?workflowId=" + waiting);
    return text(list["results"].at(0).at("status"));
  };
  CHECK(eventually([&] { return last_child() == "cancelled"; }));
  const std::string id = text(small.post("/workflows/" + small.store(calling(waiting)) + "/execute")["id"]);
  REQUIRE(eventually([&] { return last_child() == "running"; }));
  CHECK(small.post("/executions/" + id + "/stop").status == 200);
  CHECK(eventually([&] { return last_child() == "cancelled"; }));
  CHECK(small.node("def f(): return 7")["output"] == 7);
  small.post("/workflows/" + small.store(calling(waiting)) + "/execute");
  REQUIRE(eventually([&] { return last_child() == "running"; }));
  small.program().signal(SIGTERM);
  const Finished done = small.program().wait(std::chrono::seconds(10));
  CHECK_FALSE(done.timed_out);
}

TEST_CASE("on the command line it is a file beside the flow") {
  const Cli cli;
  cli.directory.file("other.json", json::serialize(doubling()));
  const json::value done = cli.json_of(calling("other.json"));
  CHECK(json::serialize(done.at("outputs").at("end")) == R"(["got",42])");
  CHECK(text(node_in(done, "sub").at("sub_execution")).size() == 36);
  CHECK(has(cli({"show", text(node_in(done, "sub").at("sub_execution"))}).out, "doubling"));
  CHECK(has(cli({"run", cli.flow(calling("none.json"))}).err, "none.json: No such file"));
  CHECK(has(cli({"run", cli.flow(calling("flow.json"))}).err, "the workflow would run itself"));
}

TEST_CASE("a webhook's caller gets what qflow.respond says, and the execution goes on") {
  const std::string id =
      daemon().store(flow_of({code("start", "def start(body): return body"),
                              flow_node("answer", "respond",
                                        {{"status", 201},
                                         {"headers", {{"X-Kind", "early"}, {"Location", "/there"}}},
                                         {"body", "{'seen': value['n'] + 1}"}}),
                              code("after", "import time\ndef after(v):\n    time.sleep(1.5)\n    return v['status']")},
                             {"start > answer", "answer > after"}));
  CHECK(daemon().post("/workflows/" + id + "/activate").status == 200);
  CHECK(daemon()
            .post("/webhooks", {{"workflowId", id}, {"path", "early"}, {"method", "POST"}, {"response", "result"}})
            .status == 201);
  const auto start = std::chrono::steady_clock::now();
  const Answer answer = daemon().send("POST", "/webhook/early", R"({"n":1})", "Content-Type: application/json\r\n");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(1400));
  CHECK(answer.status == 201);
  CHECK(answer.body == R"({"seen":2})");
  CHECK(has(answer.headers, "X-Kind: early"));
  CHECK(has(answer.headers, "Location: /there"));
  CHECK(eventually(
      [&] { return daemon().get("/executions?workflowId=" + id)["results"].at(0).at("status") == "completed"; }));
  const auto refused = [&](json::object parameters) {
    const std::string other = daemon().store(flow_of({flow_node("answer", "respond", std::move(parameters))}, {}));
    return error_message(daemon().post("/workflows/" + other + "/execute"));
  };
  CHECK(has(refused({{"headers", {{"Set-Cookie", "a=b"}}}}), "a workflow does not set it"));
  CHECK(has(refused({{"headers", {{"X-A", "b\r\nSet-Cookie: c"}}}}), "printable ASCII"));
  CHECK(has(refused({{"status", 99}}), "/status: expected a whole number from 200"));
  CHECK(failure(flow_of({flow_node("answer", "respond", {{"body", "value["}})}, {})).find("SyntaxError") !=
        std::string::npos);
}
