// Workers that stay with the values of an execution by hand, so that one of its nodes can run with these again.
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

// `a` makes what no record can give back: an object of a class of its own, which tells when it was made.
const char* const kMaker = R"(
import time
class Made:
    def __init__(self): self.at = time.time_ns()
def a():
    print("made")
    return Made()
)";

json::object flow() {
  return flow_of({code("a", kMaker),
                  code("b",
                       "from nodes.a import Made\ndef b(x):\n    assert isinstance(x, Made)\n"
                       "    x.seen = getattr(x, 'seen', 0) + 1\n    return {x.at: x}"),
                  code("c", "def c(d):\n    (at, x), = d.items()\n    return [at, x.seen]")},
                 {"a > b", "b > c"});
}

struct Session {
  std::string id = daemon().store(flow());
  Answer run(json::object body = {}) const {
    Answer done = daemon().post("/workflows/" + id + "/execute?wait=60", body);
    INFO(done.body);
    REQUIRE(done.status == 200);
    return done;
  }
  Answer step(const char* node, const json::value& reuse = "last", json::object more = {}) const {
    more["destinationNode"] = node;
    more["reuse"] = reuse;
    return run(std::move(more));
  }
  // The worker goes back a moment after the answer.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }
};

json::value output(const Answer& done) { return done["data"].at("outputs").as_object().begin()->value(); }
bool was_kept(const Answer& done, const char* node) {
  const json::object& runs = done["data"].at("resultData").at("runData").as_object();
  return runs.contains(node) && runs.at(node).at(0).at("qflow").at("reason") == "kept";
}
auto executor(const std::string& id) {
  return [id](json::object body) { return daemon().post("/workflows/" + id + "/execute?wait=60", body); };
}
double metric(const std::string& line) {
  const std::string all = daemon().get("/metrics").body;
  const auto at = all.find("\n" + line + " ");
  return at == std::string::npos ? 0 : std::stod(all.substr(at + line.size() + 2));
}

}  // namespace

TEST_CASE("a single node runs with the live objects of the execution before, again and again") {
  const Session session;
  const json::value first = output(session.run());
  Session::settle();
  const Answer c = session.step("c");
  CHECK(output(c) == first);
  CHECK(was_kept(c, "b"));
  CHECK_FALSE(c["data"].at("resultData").at("runData").as_object().contains("a"));
  Session::settle();
  // What it does to a value, the next one does not see.
  const Answer b = session.step("b");
  CHECK(was_kept(b, "a"));
  Session::settle();
  const json::value second = output(session.step("c", b["id"]));
  CHECK(second.at(0) == first.at(0));
  CHECK(second.at(1) == 1);
  Session::settle();
  // In the record of the first execution is a value of b that the worker no longer has.
  const Answer old = session.step("c", c["id"]);
  CHECK_FALSE(was_kept(old, "b"));
  CHECK(metric("qflow_engine_events_total{what=\"kept\"}") >= 3);
}

TEST_CASE("what an editor has of an execution names the values that it means") {
  const Session session;
  const Answer whole = session.run();
  Session::settle();
  const json::value run_data = whole["data"].at("resultData").at("runData");
  CHECK(run_data.at("a").at(0).at("qflow").at("execution_id") == whole["id"]);
  const Answer c = session.run({{"destinationNode", "c"}, {"runData", run_data}});
  CHECK(was_kept(c, "b"));
  CHECK(output(c) == output(whole));
  Session::settle();
  CHECK_FALSE(was_kept(
      session.run({{"destinationNode", "c"}, {"runData", run_data}, {"dirtyNodeNames", json::array{"a"}}}), "b"));
}

TEST_CASE("a change of anything that a value depends on makes it anew") {
  const Session session;
  const json::value first = output(session.run());
  Session::settle();
  json::object changed = flow();
  changed["nodes"].get_array()[2].get_object()["code"] = "def c(d):\n    (at, x), = d.items()\n    return [at, 'new']";
  REQUIRE(daemon().call("PATCH", "/workflows/" + session.id, changed).status == 200);
  const Answer c = session.step("c");
  CHECK(was_kept(c, "b"));
  CHECK(output(c) == json::array{first.at(0), "new"});
  Session::settle();
  changed["nodes"].get_array()[0].get_object()["code"] = std::string(kMaker) + "# another\n";
  REQUIRE(daemon().call("PATCH", "/workflows/" + session.id, changed).status == 200);
  const Answer again = session.step("c");
  CHECK_FALSE(was_kept(again, "b"));
  CHECK(output(again).at(0) != first.at(0));
  Session::settle();
  // Another input, another sandbox.
  CHECK(was_kept(session.step("c"), "b"));
  Session::settle();
  CHECK_FALSE(was_kept(session.step("c", "last", {{"input_data", 5}}), "b"));
  Session::settle();
  changed["settings"] = json::object{{"sandbox", {{"memory", "300M"}}}};
  REQUIRE(daemon().call("PATCH", "/workflows/" + session.id, changed).status == 200);
  CHECK_FALSE(was_kept(session.step("c"), "b"));
}

TEST_CASE("a node that failed is mended and runs again, with what came before it") {
  const std::string id = daemon().store(flow_of({code("a", kMaker), code("b", "def b(x): return 1 / 0")}, {"a > b"}));
  const auto execute = executor(id);
  const Answer failed = execute({});
  REQUIRE(failed["status"] == "failed");
  Session::settle();
  REQUIRE(daemon()
              .call("PATCH", "/workflows/" + id,
                    flow_of({code("a", kMaker), code("b", "def b(x): return x.at")}, {"a > b"}))
              .status == 200);
  const Answer mended = execute({{"destinationNode", "b"}, {"reuse", "last"}});
  CHECK(mended["status"] == "completed");
  CHECK(was_kept(mended, "a"));
  Session::settle();
  // One that is killed costs its fork and nothing else.
  REQUIRE(daemon()
              .call("PATCH", "/workflows/" + id,
                    flow_of({code("a", kMaker), code("b", "import os\ndef b(x): os._exit(3)")}, {"a > b"}))
              .status == 200);
  const Answer killed = execute({{"destinationNode", "b"}, {"reuse", failed["id"]}});
  CHECK(killed["status"] == "failed");
  CHECK(was_kept(killed, "a"));
  Session::settle();
  const Answer more = execute({{"destinationNode", "b"}, {"reuse", failed["id"]}});
  CHECK(was_kept(more, "a"));
}

TEST_CASE("the state and the facts of an execution are its own") {
  const std::string id = daemon().store(flow_of(
      {code("a", "import qflow\ndef a():\n    qflow.state['n'] = qflow.state.get('n', 0) + 1\n    return object()"),
       code("b", "import qflow\ndef b(x): return [qflow.state.get('n'), qflow.execution.id]")},
      {"a > b"}));
  const auto execute = executor(id);
  const Answer first = execute({});
  CHECK(output(first) == json::array{1, first["id"]});
  Session::settle();
  REQUIRE(daemon().call("PUT", "/workflows/" + id + "/state", json::object{{"n", 41}}).status == 200);
  const Answer second = execute({{"destinationNode", "b"}, {"reuse", "last"}});
  CHECK(was_kept(second, "a"));
  CHECK(output(second) == json::array{41, second["id"]});
}

TEST_CASE("of one user two workers stay, and none that has started something") {
  const double before = metric("qflow_state{what=\"kept_workers\"}");
  const Session one, two, three;
  for (const Session* session : {&one, &two, &three}) {
    session->run();
    Session::settle();
  }
  CHECK(metric("qflow_state{what=\"kept_workers\"}") <= std::max(before, 2.0));
  CHECK_FALSE(was_kept(one.step("c"), "b"));
  Session::settle();
  CHECK(was_kept(three.step("c"), "b"));
  const std::string threads = daemon().store(
      flow_of({code("a",
                    "import threading, time\ndef a():\n    threading.Thread(target=time.sleep, args=(30,), "
                    "daemon=True).start()\n    return object()"),
               code("b", "def b(x): return 1")},
              {"a > b"}));
  daemon().post("/workflows/" + threads + "/execute?wait=60", json::object());
  Session::settle();
  const Answer again =
      daemon().post("/workflows/" + threads + "/execute?wait=60", {{"destinationNode", "b"}, {"reuse", "last"}});
  CHECK(again["status"] == "completed");
  CHECK_FALSE(was_kept(again, "a"));
}

TEST_CASE("a value is given as its node gave it, whatever others have done to it since") {
  for (const char* made : {"[7]", "{7}", "{'a': {1}}", "__import__('collections').deque([7])"}) {
    CAPTURE(made);
    const std::string id = daemon().store(
        flow_of({code("a", std::string("def a(): return ") + made),
                 code("b", "def b(x):\n    before = repr(x)\n    x.clear()\n    return [before, repr(x)]")},
                {"a > b"}));
    const auto execute = executor(id);
    const json::value first = output(execute({}));
    for (int i = 0; i < 2; ++i) {
      Session::settle();
      const Answer again = execute({{"destinationNode", "b"}, {"reuse", "last"}});
      CHECK(was_kept(again, "a"));
      CHECK(output(again) == first);
    }
  }
}

TEST_CASE("a value that is too large to be copied comes as its takers left it, and that is said") {
  const auto execute = executor(daemon().store(
      flow_of({code("a", "def a(): return bytearray(2 << 20)"), code("b", "def b(x):\n    x[0] += 1\n    return x[0]")},
              {"a > b"})));
  CHECK(output(execute({})) == 1);
  Session::settle();
  const Answer again = execute({{"destinationNode", "b"}, {"reuse", "last"}});
  CHECK(was_kept(again, "a"));
  CHECK(output(again) == 2);
  CHECK(has(json::serialize(again["data"].at("resultData").at("runData").at("a").at(0).at("qflow").at("warnings")),
            "as the nodes that have taken it left it"));
}

TEST_CASE("what follows a node that ran again is not mixed with what it gave before") {
  const std::string id = daemon().store(
      flow_of({code("a", "def a(): return {1}"), code("b", "import os\ndef b(x): return {os.urandom(8)}"),
               code("c", "def c(x): return x | {b'c'}"), code("d", "def d(b, c): return b <= c")},
              {"a > b", "b > c", "b > d", "c > d.1"}));
  const auto execute = executor(id);
  CHECK(output(execute({})) == true);
  Session::settle();
  CHECK(was_kept(execute({{"destinationNode", "b"}, {"reuse", "last"}}), "a"));
  Session::settle();
  const Answer d = execute({{"destinationNode", "d"}, {"reuse", "last"}});
  CHECK(was_kept(d, "b"));
  CHECK_FALSE(was_kept(d, "c"));
  CHECK(output(d) == true);
}

TEST_CASE("the values of another input are not used, and without one it is that of before") {
  for (const char* value : {"x", "{x}"}) {
    const std::string id = daemon().store(flow_of(
        {code("a", std::string("def a(x): return ") + value), code("b", "def b(v): return repr(v)")}, {"a > b"}));
    const auto execute = executor(id);
    const json::value one = output(execute({{"input_data", {{"x", 1}}}}));
    Session::settle();
    const json::value five = output(execute({{"input_data", {{"x", 5}}}, {"destinationNode", "b"}, {"reuse", "last"}}));
    CHECK(one != five);
    Session::settle();
    CHECK(output(execute({{"destinationNode", "b"}, {"reuse", "last"}})) == five);
    CHECK(output(execute({{"destinationNode", "b"}, {"reuse", "last"}, {"dirtyNodeNames", json::array{"a"}}})) == five);
  }
}

TEST_CASE("a later execution of the whole takes the place of an earlier one, also where its worker cannot stay") {
  const std::string id = daemon().store(
      flow_of({code("a",
                    "import threading, time\ndef a(x):\n    if x > 1: threading.Thread(target=time.sleep, args=(20,), "
                    "daemon=True).start()\n    return {x}"),
               code("b", "def b(v): return repr(v)")},
              {"a > b"}));
  const auto execute = executor(id);
  execute({{"input_data", {{"x", 1}}}});
  Session::settle();
  execute({{"input_data", {{"x", 2}}}});
  Session::settle();
  CHECK(output(execute({{"destinationNode", "b"}, {"reuse", "last"}})) == "{2}");
}

TEST_CASE("a worker that cannot be forked is used once, and never again") {
  const std::string id =
      daemon().store(flow_of({code("a",
                                   "import _thread, threading, time\ndef a():\n    _thread.start_new_thread(lambda: "
                                   "threading.current_thread(), ())\n    time.sleep(0.2)\n    return {1}"),
                              code("b", "def b(x): return 1")},
                             {"a > b"}));
  const auto execute = executor(id);
  execute({});
  Session::settle();
  execute({{"destinationNode", "b"}, {"reuse", "last"}});
  Session::settle();
  CHECK(execute({{"destinationNode", "b"}, {"reuse", "last"}})["status"] == "completed");
}

TEST_CASE("nobody else uses it, and what is named wrongly is said") {
  const Session session;
  const Answer done = session.run();
  Session::settle();
  const auto execute = executor(session.id);
  CHECK(execute({{"destinationNode", "c"}, {"reuse", "nope"}}).status == 404);
  CHECK(has(execute({{"destinationNode", "c"}, {"reuse", 5}}).body, "expected the id of an execution"));
  CHECK(has(execute({{"reuse", "last"}}).body, "needs destinationNode"));
  const Session other;
  CHECK(has(other.id.empty() ? ""
                             : daemon()
                                   .post("/workflows/" + other.id + "/execute?wait=60",
                                         {{"destinationNode", "c"}, {"reuse", done["id"]}})
                                   .body,
            "is not of this workflow"));
  // With the workflow, its worker goes.
  REQUIRE(daemon().call("DELETE", "/workflows/" + session.id).status == 200);
}
