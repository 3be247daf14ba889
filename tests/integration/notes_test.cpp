// `import qflow` in nodes: progress, log, display, the execution's facts, and the state that a workflow keeps.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"
#include "tests/support/web_socket.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

json::object one_node(const std::string& body, json::object more = {}, json::object settings = {}) {
  return flow_of({code("n", "import qflow\ndef n(v=None):\n    " + body, std::move(more))}, {}, std::move(settings));
}

// What the node raised: type and message.
std::string raised(const Cli& cli, const std::string& body) {
  const json::value report = cli.json_of(one_node(body));
  const json::value* error = node_in(report, "n").if_contains("error");
  return error == nullptr ? "" : text(error->at("type")) + ": " + text(error->at("message"));
}

constexpr const char* kPicture = R"(b"\x89PNG\r\n\x1a\n" + bytes(20))";

}  // namespace

TEST_CASE("qflow run shows progress, log lines and text, and makes files of what is more") {
  const Cli cli;
  const json::object flow = one_node(
      "qflow.progress(0.5, 'half\\x1b[31m')\n    qflow.log('warning', 'no rows', file='a\\nb', n=3)\n    "
      "qflow.display('just text', " +
      std::string(kPicture) +
      ")\n    qflow.display({'text/html': '<b>x</b>', 'text/plain': 'x'})\n    qflow.progress(1)");
  const auto done = cli({"run", cli.flow(flow), "--out", cli.directory.path() + "/out"});
  REQUIRE(done.code == 0);
  CHECK(has(done.err, "n | [##########          ]  50 %  half␛[31m\n"));
  CHECK(has(done.err, "n | [####################] 100 %\n"));
  CHECK(has(done.err, "n | warning: no rows file=\"a\\nb\" n=3\n"));
  CHECK(has(done.err, "n | just text\n"));
  CHECK(has(done.out, "/out/n-shown.png\n"));
  CHECK(has(done.out, "/out/n-shown.html\n"));
  CHECK(std::filesystem::file_size(cli.directory.path() + "/out/n-shown.png") == 28);
  const json::value report = cli.json_of(flow);
  const json::object& n = node_in(report, "n");
  REQUIRE(n.at("log").as_array().size() == 1);
  CHECK(n.at("log").at(0).at("fields") == json::value({{"file", "a\nb"}, {"n", 3}}));
  CHECK(n.at("display").as_array().size() == 3);
  CHECK(report.at("files").at(0).at("shown_by") == "n");
}

TEST_CASE("of many reports of progress the last of a call is passed on, also when it fails") {
  Daemon& server = daemon();
  const std::string id = server.store(one_node("for i in range(1001): qflow.progress(i / 2000, str(i))\n    1 / 0"));
  WebSocket socket(server.port(), "/ws/executions?workflowId=" + id, server.authorization());
  server.post("/workflows/" + id + "/execute?wait=30");
  std::string last;
  std::size_t reports = 0;
  for (json::value event = socket.next("node.progress"); event.is_object(); event = socket.next("node.progress", 500)) {
    last = text(event.at("text"));
    ++reports;
  }
  CHECK(last == "1000");
  CHECK(reports < 100);
}

TEST_CASE("pictures of matplotlib and tables of pandas are shown as such") {
  const Cli cli;
  const json::value report = cli.json_of(one_node(
      "import matplotlib\n    matplotlib.use('Agg')\n    import matplotlib.pyplot as plt, pandas\n    fig, ax = "
      "plt.subplots(figsize=(1, 1))\n    ax.plot([1, 2])\n    qflow.display(fig, ax, pandas.DataFrame({'a': [1, 2]}), "
      "pandas.DataFrame)"));
  const json::array& shown = node_in(report, "n").at("display").as_array();
  REQUIRE(shown.size() == 4);
  CHECK(text(shown[0].at("data").at("image/png")).starts_with("iVBORw0KGgo"));
  CHECK(shown[1].at("data").as_object().contains("image/png"));
  CHECK(has(text(shown[2].at("data").at("text/html")), "<table"));
  CHECK(shown[3].at("data").as_object().size() == 1);  // a class is its name
}

TEST_CASE("what is told wrong says what is right") {
  const Cli cli;
  CHECK(has(raised(cli, "qflow.progress(1.5)"), "ValueError: qflow.progress: fraction is 1.5, and not from 0 to 1"));
  CHECK(has(raised(cli, "qflow.progress(float('nan'))"), "not from 0 to 1"));
  CHECK(has(raised(cli, "qflow.log('warn', 'x')"), "not one of debug, info, warning, error"));
  CHECK(has(raised(cli, "qflow.progres(1)"),
            "AttributeError: module 'qflow' has no attribute 'progres'; did you mean "
            "'progress'?"));
  CHECK(has(raised(cli, "qflow.state[3] = 1"), "TypeError: qflow.state: its keys are strings, and 3 is int"));
  CHECK(has(raised(cli, "qflow.state['f'] = {1}"), "TypeError: qflow.state['f'] is not JSON"));
  CHECK(has(raised(cli, "qflow.state['f'] = float('nan')"), "TypeError: qflow.state['f'] is not JSON"));
  CHECK(has(raised(cli, "qflow.state['f'] = 'x' * 2**20"), "ValueError: qflow.state would be larger than 1 MiB"));
  // A lone surrogate is no text, and nothing breaks.
  CHECK(raised(cli, "qflow.log('info', '\\ud800'); qflow.display('\\ud800')").find("ProtocolViolation") ==
        std::string::npos);
}

TEST_CASE("what is too much is left out, and that is said") {
  const Cli cli;
  const json::value report = cli.json_of(one_node(
      "for i in range(1500): qflow.log('info', str(i))\n    for i in range(60): qflow.display(i)\n    for i in "
      "range(100000): qflow.progress(i / 100000)\n    qflow.display({'image/png': bytes(2**21), 'text/plain': "
      "'large'}); return 5"));
  const json::object& n = node_in(report, "n");
  CHECK(n.at("status") == "completed");
  CHECK(n.at("log").as_array().size() == 1000);
  CHECK(n.at("display").as_array().size() == 50);
  CHECK(has(json::serialize(n.at("warnings")), "qflow.log: 500 more lines were not kept, after 1000"));
  CHECK(has(json::serialize(n.at("warnings")), "qflow.display: 11 more objects were not kept, after 50"));
  const json::value large = cli.json_of(one_node("qflow.display({'image/png': bytes(2**21), 'text/plain': 'x'})"));
  CHECK(has(text(node_in(large, "n").at("display").at(0).at("left_out")), "image/png (2730 KiB) is left out"));
  // Of all rounds of a loop together.
  const json::value many =
      cli.json_of(flow_of({code("items", "def items(): return list(range(40))"), flow_node("each", "for_each"),
                           code("show", "import qflow\ndef show(v):\n    qflow.display('x' * 900000)\n    return v")},
                          {"items > each", "each.item > show", "show > each.1"}));
  CHECK(many.at("status") == "completed");
  CHECK(has(json::serialize(node_in(many, "show").at("warnings")), "more than an execution may keep (16 MiB)"));
}

TEST_CASE("the execution's facts; processes that a node starts tell nothing, threads do") {
  const Cli cli;
  const json::value report = cli.json_of(one_node(
      "import os, threading\n    t = threading.Thread(target=qflow.log, args=('info', 'thread')); t.start(); t.join()\n"
      "    if os.fork() == 0:\n        qflow.log('info', 'child')\n        os._exit(0)\n    os.wait()\n    e = "
      "qflow.execution\n    return [e.workflow, e.mode, len(e.id), e.started.tzinfo is not None]"));
  CHECK(json::serialize(node_in(report, "n").at("value")) == R"(["flow","cli",36,true])");
  CHECK(node_in(report, "n").at("log").as_array().size() == 1);
  CHECK(text(report.at("id")).size() == 36);
}

TEST_CASE("the state is kept from one execution to the next, and only of those that complete") {
  const Cli cli;
  const json::object count = one_node("qflow.state['n'] = qflow.state.get('n', 0) + 1; return qflow.state['n']");
  CHECK(cli.json_of(count).at("outputs").at("n") == 1);
  CHECK(cli.json_of(count).at("outputs").at("n") == 2);
  CHECK(has(raised(cli, "qflow.state['n'] = 77; raise ValueError('x')"), "ValueError"));
  CHECK(cli.json_of(count).at("outputs").at("n") == 3);
  // A try that fails has changed nothing, nor has a node whose error is passed on; values inside count, too.
  const json::value tried = cli.json_of(
      flow_of({code("a", "import qflow\ndef a():\n    qflow.state.clear(); qflow.state['seen'] = [1]"),
               code("b", "import qflow\ndef b(v):\n    qflow.state['seen'].append(2); qflow.state['bad'] = 1; 1 / 0",
                    {{"onError", "continueRegularOutput"}}),
               code("c", "import qflow\ndef c(v):\n    qflow.state['seen'].append(3)\n    return qflow.state")},
              {"a > b", "b > c"}));
  CHECK(json::serialize(tried.at("outputs").at("c")) == R"({"seen":[1,3]})");
  CHECK(json::serialize(cli.json_of(one_node("return qflow.state")).at("outputs").at("n")) == R"({"seen":[1,3]})");
}

TEST_CASE("branches, rounds and sandboxes see what others have changed before them") {
  const Cli cli;
  const auto add = [](const std::string& id, json::object more = {}) {
    return code(id,
                "import qflow\ndef f(*v):\n    qflow.log('info', 'here'); qflow.state['" + id +
                    "'] = len(qflow.state)\n    return sorted(qflow.state)",
                std::move(more));
  };
  const json::value diamond = cli.json_of(
      flow_of({add("a"), add("b"), add("c"), add("d")}, {"a > b", "a > c", "b > d", "c > d"}, {{"parallel", "on"}}));
  CHECK(json::serialize(diamond.at("outputs").at("d")) == R"(["a","b","c","d"])");
  for (const char* one : {"b", "c"}) CHECK(node_in(diamond, one).at("log").as_array().size() == 1);
  const Cli other;
  const json::value apart =
      other.json_of(flow_of({add("a"), add("b", {{"sandbox", {{"memory", "300M"}}}}), add("c")}, {"a > b", "b > c"}));
  CHECK(json::serialize(apart.at("outputs").at("c")) == R"(["a","b","c"])");
  const Cli third;
  const json::value rounds = third.json_of(
      flow_of({code("items", "def items(): return list(range(30))"), flow_node("each", "for_each"),
               code("sum", "import qflow\ndef sum(v):\n    qflow.state['sum'] = qflow.state.get('sum', 0) + v"),
               code("end", "import qflow\ndef end(v): return qflow.state['sum']")},
              {"items > each", "each.item > sum", "sum > each.1", "each.done > end"}));
  CHECK(rounds.at("outputs").at("end") == 435);
}

TEST_CASE("a server keeps a workflow's state, shows it, and lets its owner replace it") {
  const std::string id =
      daemon().store(one_node("qflow.state['n'] = qflow.state.get('n', 0) + 1; return qflow.state['n']"));
  CHECK(json::serialize(daemon().get("/workflows/" + id + "/state")["state"]) == "{}");
  const Answer first = daemon().post("/workflows/" + id + "/execute?wait=30");
  CHECK(first["data"].at("outputs").at("n") == 1);
  CHECK(json::serialize(first["data"].at("resultData").at("runData").at("n").at(0).at("qflow").at("state_changes")) ==
        R"({"set":{"n":1},"removed":[]})");
  const Answer kept = daemon().get("/workflows/" + id + "/state");
  CHECK(kept["state"] == json::value({{"n", 1}}));
  CHECK(kept["executionId"] == first["id"]);
  CHECK(daemon().call("PUT", "/workflows/" + id + "/state", {{"n", 41}}).status == 200);
  CHECK(daemon().post("/workflows/" + id + "/execute?wait=30")["data"].at("outputs").at("n") == 42);
  CHECK(error_code(daemon().call("PUT", "/workflows/" + id + "/state", {{"n", std::string(1U << 20U, 'x')}})) ==
        "state_too_large");
  Daemon other = daemon().as_user("notes@example.org");
  CHECK(other.get("/workflows/" + id + "/state").status == 404);
  CHECK(other.call("PUT", "/workflows/" + id + "/state", json::object()).status == 404);
  CHECK(daemon().call("DELETE", "/workflows/" + id).status == 200);
  CHECK(daemon().get("/workflows/" + id + "/state").status == 404);
}

TEST_CASE("what was changed before a wait is kept after it") {
  const Answer done = [] {
    const std::string id = daemon().store(flow_of(
        {code("a", "import qflow\ndef a(): qflow.state['a'] = 1"), flow_node("wait", "wait", {{"seconds", 10.5}}),
         code("b", "import qflow\ndef b(v):\n    qflow.state['b'] = 2\n    return qflow.state")},
        {"a > wait", "wait > b"}));
    const std::string execution = text(daemon().post("/workflows/" + id + "/execute")["id"]);
    REQUIRE(eventually([&] { return text(daemon().get("/executions/" + execution)["status"]) == "waiting"; }));
    CHECK(json::serialize(daemon().get("/workflows/" + id + "/state")["state"]) == "{}");
    REQUIRE(daemon().post("/executions/" + execution + "/resume").status == 202);
    REQUIRE(eventually([&] { return text(daemon().get("/executions/" + execution)["status"]) == "completed"; }));
    CHECK(daemon().get("/workflows/" + id + "/state")["state"] == json::value({{"a", 1}, {"b", 2}}));
    return daemon().get("/executions/" + execution);
  }();
  CHECK(done["data"].at("outputs").at("b") == json::value({{"a", 1}, {"b", 2}}));
}

TEST_CASE("a retry from what failed keeps what the others had changed; modules see the state, too") {
  const std::string id = daemon().store(flow_of(
      {code("a", "import qflow\ndef a(): qflow.state['last'] = 17"),
       code("b",
            "import qflow\nknown = sorted(qflow.state)\ndef b(v):\n    if 'go' not in known: raise ValueError(known)")},
      {"a > b"}));
  const Answer failed = daemon().post("/workflows/" + id + "/execute?wait=30");
  REQUIRE(failed["status"] == "failed");
  CHECK(daemon().call("PUT", "/workflows/" + id + "/state", {{"go", true}}).status == 200);
  const Answer again = daemon().post("/executions/" + text(failed["id"]) + "/retry", {{"from", "failed"}});
  REQUIRE_MESSAGE(again.status < 300, again.body);
  REQUIRE(eventually([&] { return daemon().get("/executions/" + text(again["id"]))["status"] == "completed"; }));
  CHECK(daemon().get("/workflows/" + id + "/state")["state"] == json::value({{"go", true}, {"last", 17}}));
}

TEST_CASE("a long loop's changes outlive a wait, and much that is shown does not keep the state from being changed") {
  const std::string id = daemon().store(flow_of(
      {code("items", "def items(): return list(range(1200))"), flow_node("each", "for_each"),
       code("one", "import qflow\ndef one(n): qflow.state[str(n)] = n"), flow_node("wait", "wait", {{"seconds", 3600}}),
       code("end",
            "import qflow\ndef end(v):\n    for i in range(20): qflow.display('x' * 900_000)\n    "
            "qflow.state['large'] = 'y' * 900_000\n    return len(qflow.state)")},
      {"items > each", "each.item > one", "one > each.1", "each.done > wait", "wait > end"}));
  const std::string execution = text(daemon().post("/workflows/" + id + "/execute")["id"]);
  const auto status = [&] { return text(daemon().get("/executions/" + execution)["status"]); };
  REQUIRE(eventually([&] { return status() == "waiting"; }, std::chrono::seconds(60)));
  REQUIRE(daemon().post("/executions/" + execution + "/resume").status == 202);
  REQUIRE(eventually([&] { return status() == "completed"; }, std::chrono::seconds(30)));
  CHECK(daemon().get("/executions/" + execution)["data"].at("outputs").at("end") == 1201);
  CHECK(daemon().get("/workflows/" + id + "/state")["state"].as_object().size() == 1201);
}

TEST_CASE("editors hear of it while it happens, and the report shows it") {
  const std::string id = daemon().store(
      one_node("qflow.progress(0.25, 'a quarter')\n    qflow.log('error', '<script>alert(1)</script>')\n    "
               "qflow.display({'text/html': '<script>alert(2)</script>\"><b>', 'text/plain': 'x'}, " +
               std::string(kPicture) + ", {'image/svg+xml': '<svg onload=alert(3)>'})"));
  WebSocket socket(daemon().port(), "/ws/executions?workflowId=" + id, daemon().authorization());
  REQUIRE(socket.status() == 101);
  const std::string execution = text(daemon().post("/workflows/" + id + "/execute?wait=30")["id"]);
  const json::value progress = socket.next("node.progress");
  CHECK(progress.at("fraction") == 0.25);
  CHECK(progress.at("text") == "a quarter");
  CHECK(socket.next("node.log").at("level") == "error");
  CHECK(json::serialize(socket.next("node.display").at("types")) == R"(["text/html","text/plain"])");
  const std::string page = daemon().send("GET", "/executions/" + execution + "/report").body;
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<svg onload"));
  CHECK(has(page, "<iframe sandbox srcdoc=\"&lt;script&gt;alert(2)&lt;/script&gt;&quot;&gt;&lt;b&gt;\">"));
  CHECK(has(page, "src=\"data:image/png;base64,iVBORw0KGgo"));
  CHECK(has(page, "src=\"data:image/svg+xml;base64,"));
}
