// Branches: steps that run at the same time in forks of their worker, what passes between them, and what a branch may
// not do; steps that are killed and survived; rounds of a loop shared among branches.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}

const json::object kOn{{"parallel", "on"}};

// A start, two nodes that take its value, and one that takes both of theirs.
json::object diamond(const std::string& start, const std::string& left, const std::string& right,
                     const std::string& end, json::object settings = kOn) {
  return flow_of({code("start", start), code("left", left), code("right", right), code("end", end)},
                 {"start > left", "start > right", "left > end", "right > end"}, std::move(settings));
}

constexpr const char* kStart = "def start(): return 1";
constexpr const char* kBoth = "def end(left, right): return [left, right]";
constexpr const char* kSlow = R"(
import time
def slow(v):
    begun = time.monotonic()
    time.sleep(0.4)
    return [begun, time.monotonic()]
)";

json::object loop_of(const std::string& body, json::object parameters, const std::string& items,
                     json::object settings = {}) {
  json::object loop{
      {"id", "each"}, {"name", "each"}, {"type", "qflow.for_each"}, {"parameters", std::move(parameters)}};
  json::object flow = flow_of({code("items", "def items(): return " + items), std::move(loop), code("work", body),
                               code("end", "def end(v): return v")},
                              {"items > each", "each.item > work", "each.done > end"}, std::move(settings));
  flow["connections"].get_array().push_back(
      json::object{{"source", "work"}, {"target", {{"nodeId", "each"}, {"input", 1}}}});
  return flow;
}

}  // namespace

TEST_CASE("nodes that do not need one another run at the same time") {
  const Cli cli;
  const char* const overlap = "def end(left, right): return max(left[0], right[0]) < min(left[1], right[1])";
  const json::value beside = cli.json_of(diamond(kStart, kSlow, kSlow, overlap));
  CHECK(beside.at("outputs").at("end") == true);
  CHECK(cli.json_of(diamond(kStart, kSlow, kSlow, overlap, {{"parallel", "off"}})).at("outputs").at("end") == false);
  // By itself, as nothing is known yet; and where it is known to pay.
  const Answer first = daemon().run(diamond(kStart, kSlow, kSlow, overlap, {}));
  CHECK(first["data"].at("outputs").at("end") == true);
  const Answer second = daemon().run(diamond(kStart, kSlow, kSlow, overlap, {}));
  CHECK(second["data"].at("outputs").at("end") == true);
  const json::value& right = second["data"].at("resultData").at("runData").at("right").at(0);
  CHECK(right.at("qflow").at("branch") == 1);
  CHECK(second["data"].at("resultData").at("runData").at("left").at(0).at("qflow").at("branch").is_null());
  // Nodes without sources, a chain on each side, and more than there may be branches at a time.
  json::array nodes{code("end", "def end(*v): return sum(v)")};
  std::vector<std::string> edges;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    nodes.push_back(code("a" + n, "def a(): return " + n));
    nodes.push_back(code("b" + n, "def b(x): return x * 2"));
    edges.push_back("a" + n + " > b" + n);
    edges.push_back("b" + n + " > end");
  }
  CHECK(cli.json_of(flow_of(nodes, edges, kOn)).at("outputs").at("end") == 380);
  const auto refused = cli({"run", cli.flow(diamond(kStart, kSlow, kSlow, kBoth, {{"parallel", "yes"}}))});
  CHECK(has(refused.err, R"(/settings/parallel: expected "auto", "on" or "off")"));
}

TEST_CASE("what a known plan does in microseconds is not forked") {
  const json::object flow =
      diamond("def start(): return 4", "def left(v): return v", "def right(v): return v", kBoth, {});
  daemon().run(flow);
  const Answer again = daemon().run(flow);
  CHECK(json::serialize(again["data"].at("outputs").at("end")) == "[4,4]");
  CHECK(again["data"].at("resultData").at("runData").at("right").at(0).at("qflow").at("branch").is_null());
}

TEST_CASE("many short steps that were never timed are not all tried in branches") {
  constexpr std::size_t kSteps = 60;
  const auto branches_of = [&](const std::string& function, json::object settings) {
    json::array nodes;
    for (std::size_t i = 0; i < kSteps; ++i)
      nodes.push_back(code("n" + std::to_string(i), "def " + function + "(): return " + std::to_string(i)));
    const Answer done = daemon().run(flow_of(nodes, {}, std::move(settings)));
    CHECK(done["status"] == "completed");
    std::size_t count = 0;
    for (const auto& [name, runs] : done["data"].at("resultData").at("runData").as_object())
      if (!runs.at(0).at("qflow").at("branch").is_null()) ++count;
    return count;
  };
  CHECK(branches_of("asked", kOn) == kSteps);
  // Those at work when the eighth is over end as branches, too. On a machine that is busy a short step may look long.
  std::size_t least = kSteps;
  for (const char* function : {"tried", "tested", "probed"}) {
    const std::size_t tried = branches_of(function, {});
    CHECK(tried >= 8);
    least = std::min(least, tried);
    if (least < kSteps / 2) break;
  }
  CHECK(least < kSteps / 2);
}

TEST_CASE("no branch sees what another does to a value") {
  const Cli cli;
  const char* const big = "def start(): return [0] * 600_000";
  const char* const change = "def left(v):\n    v[0] = 'changed'\n    return len(v)";
  const char* const look = "import time\ndef right(v):\n    time.sleep(0.1)\n    return v[0]";
  for (const char* parallel : {"on", "auto"})
    CHECK(json::serialize(
              cli.json_of(diamond(big, change, look, kBoth, {{"parallel", parallel}})).at("outputs").at("end")) ==
          "[600000,0]");
  // Known to take no time, and forked since the value is too large to be copied.
  const json::object flow = diamond(big, change, "def right(v): return v[0]", kBoth, {});
  for (int i = 0; i < 2; ++i)
    CHECK(json::serialize(daemon().run(flow)["data"].at("outputs").at("end")) == "[600000,0]");
  // In one process it is said.
  const json::value one = cli.json_of(diamond(big, change, look, kBoth, {{"parallel", "off"}}));
  CHECK(json::serialize(one.at("outputs").at("end")) == R"([600000,"changed"])");
  CHECK(has(json::serialize(node_in(one, "left").at("warnings")),
            "too large to be copied, and other nodes take the same value"));
}

TEST_CASE("values come back from branches as they are") {
  const Cli cli;
  const char* const left = R"(
class Box:
    def __init__(self, inside): self.inside = inside
def left(v):
    shared = bytearray(b"x" * 200_000)
    return {"box": Box({1, 2}), "twice": (shared, shared), "complex": 1j, v: range(3)}
)";
  const char* const end = R"(
def end(left, right):
    a, b = left["twice"]
    a[0] = 33
    return [type(left["box"]).__name__, sorted(left["box"].inside), a is b, len(b), b[0], str(left["complex"]),
            list(left[1]), right]
)";
  const json::value done = cli.json_of(diamond(kStart, left, "def right(v): return bytes(3_000_000)[:5]", end));
  CHECK(has(json::serialize(done.at("outputs").at("end")), R"(["Box",[1,2],true,200000,33,"1j",[0,1,2],)"));
  const Answer recorded = daemon().run(diamond(kStart, "def left(v): return {1, 2}", "def right(v): return {3}",
                                               "def end(left, right): return sorted(left | right)"));
  CHECK(json::serialize(recorded["data"].at("outputs").at("end")) == "[1,2,3]");
}

TEST_CASE("what cannot leave its branch fails by name, or is made in the worker where nobody asked for branches") {
  const auto flow = [](const char* parallel) {
    return diamond(kStart, "def left(v): return 1", "def right(v): return open('/tmp/file', 'w')",
                   "def end(left, right): return right.name", {{"parallel", parallel}});
  };
  const Answer first = daemon().run(flow("on"));
  CHECK(first["status"] == "failed");
  CHECK(has(text(first["error"]), "the value of \"right\" (_io.TextIOWrapper) cannot leave its branch"));
  CHECK(has(text(first["error"]), "settings.parallel"));
  // Known by then.
  CHECK(daemon().run(flow("on"))["data"].at("outputs").at("end") == "/tmp/file");
  const Cli cli;
  const json::value again = cli.json_of(flow("auto"));
  CHECK(again.at("outputs").at("end") == "/tmp/file");
  CHECK(has(json::serialize(node_in(again, "right").at("warnings")), "it ran again, in its worker"));
}

TEST_CASE("steps that are tried, killed or hostile beside a branch") {
  const Cli cli;
  const auto beside = [&](const std::string& left, json::object more) {
    return cli.json_of(flow_of({code("start", kStart), code("left", left, std::move(more)),
                                code("right", "import time\ndef right(v):\n    time.sleep(0.3)\n    return {3}"),
                                code("end", "def end(left, right): return [str(left)[:8], sorted(right)]")},
                               {"start > left", "start > right", "left > end", "right > end"}, kOn));
  };
  CHECK(json::serialize(beside("import time\ndef left(v):\n    time.sleep(0.2)\n    return 7", {{"retryOnFail", true}})
                            .at("outputs")
                            .at("end")) == R"(["7",[3]])");
  const json::value killed =
      beside("import os, time\ndef left(v):\n    time.sleep(0.1)\n    os._exit(1)",
             {{"retryOnFail", true}, {"maxTries", 2}, {"waitBetweenTries", 1}, {"onError", "continueRegularOutput"}});
  CHECK(json::serialize(killed.at("outputs").at("end")) == R"(["{'error'",[3]])");
  // Frames that the node makes up, in the worker itself: its execution fails.
  const json::value forged =
      beside("import os, time\ndef left(v):\n    os.write(3, b'\\0' * 64)\n    time.sleep(0.5)", {});
  CHECK(text(forged.at("status")) == "failed");
  CHECK(has(text(forged.at("error")), "ProtocolViolation"));
  // A copy that says hello and ends, and is waited for by its parent.
  const json::value ghost = beside(R"(
import os, time
def hello():
    os.write(3, b"\x10" * 64)
    os._exit(0)
def left(v):
    os.register_at_fork(after_in_child=hello)
    os._exit(1)
)",
                                   {{"retryOnFail", true}, {"waitBetweenTries", 1}});
  CHECK(text(ghost.at("status")) == "failed");
}

TEST_CASE("a branch that fails, is killed or has threads beside it") {
  const Cli cli;
  // An exception: what does not need its value runs.
  const json::value raised = cli.json_of(flow_of(
      {code("start", kStart), code("left", "def left(v): return v + 1"), code("right", "def right(v): return v / 0"),
       code("after", "def after(v): return v * 10"), code("end", kBoth)},
      {"start > left", "start > right", "left > after", "left > end", "right > end"}, kOn));
  CHECK(text(raised.at("status")) == "failed");
  CHECK(has(text(raised.at("error")), "ZeroDivisionError"));
  CHECK(text(node_in(raised, "after").at("status")) == "completed");
  CHECK(text(node_in(raised, "end").at("status")) == "skipped");
  // Killed: the execution ends there, and names it.
  const json::value killed = cli.json_of(
      diamond(kStart, "import time\ndef left(v): time.sleep(30)", "import os\ndef right(v): os._exit(9)", kBoth));
  CHECK(text(killed.at("status")) == "failed");
  CHECK(has(text(killed.at("error")),
            "WorkerDied: it ended the process with exit status 9 before it returned (node 'right')"));
  const json::value late = cli.json_of(diamond(kStart, "import time\ndef left(v): time.sleep(30)",
                                               "import time\ndef right(v): time.sleep(30)", kBoth,
                                               {{"parallel", "on"}, {"sandbox", {{"time", 1}}}}));
  CHECK(has(text(late.at("error")), "TimedOut"));
  // A fork would not have the thread: one after the other.
  const char* const threads =
      "import threading, time\ndef start():\n    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n "
      "   return 1";
  const json::value after = cli.json_of(diamond(threads, "def left(v): return 2", "def right(v): return 3", kBoth));
  CHECK(json::serialize(after.at("outputs").at("end")) == "[2,3]");
  CHECK(has(json::serialize(node_in(after, "right").at("warnings")), "beside it: its worker has 2 threads"));
}

TEST_CASE("a step that may fail is killed and survived") {
  const Cli cli;
  const auto survived = [&](const std::string& body, json::object more, json::object settings = {}) {
    more["onError"] = "continueErrorOutput";
    return cli.json_of(
        flow_of({code("start", "class Keeper: pass\nkeeper = Keeper()\ndef start(): return keeper"),
                 code("bad", body, std::move(more)),
                 code("caught", "def caught(e): return [e['error']['type'], type(e['input']['v']).__name__]"),
                 code("end", "def end(v, w): return [type(v).__name__, w]")},
                {"start > bad", "bad.error > caught", "start > end", "caught > end"}, std::move(settings)));
  };
  const json::value crashed = survived("import os\ndef bad(v): os._exit(3)", {});
  CHECK(text(crashed.at("status")) == "completed");
  CHECK(json::serialize(crashed.at("outputs").at("end")) == R"(["Keeper",["WorkerDied","Keeper"]])");
  CHECK(text(node_in(crashed, "bad").at("status")) == "failed");
  CHECK(has(json::serialize(node_in(crashed, "bad")), "exit status 3"));
  const json::value signalled = survived("import ctypes\ndef bad(v): ctypes.string_at(1)", {});
  CHECK(has(json::serialize(signalled.at("outputs").at("end")), "WorkerDied"));
  CHECK(has(json::serialize(node_in(signalled, "bad")), "SIGSEGV"));
  const json::value late = survived("import time\ndef bad(v): time.sleep(60)", {{"timeout", 1}});
  CHECK(has(json::serialize(late.at("outputs").at("end")), "TimedOut"));
  // Tried again, with the values of before, in a process that lives.
  const char* const third = R"(
import os
def third(v):
    with open("/tmp/tries", "a") as f: f.write("x")
    n = os.path.getsize("/tmp/tries")
    if n < 3: os._exit(1)
    return [n, v]
)";
  const json::object flow = flow_of(
      {code("start", "def start(): return {'k': [1]}"),
       code("third", third, {{"retryOnFail", true}, {"waitBetweenTries", 5}}), code("after", "def after(v): return v")},
      {"start > third", "third > after"});
  CHECK(json::serialize(cli.json_of(flow).at("outputs").at("after")) == R"([3,{"k":[1]}])");
  const Answer recorded = daemon().run(flow);
  const json::array& runs = recorded["data"].at("resultData").at("runData").at("third").as_array();
  REQUIRE(runs.size() == 3);
  CHECK(text(runs[0].at("qflow").at("outcome")) == "crashed");
  CHECK(runs[2].at("qflow").at("retry_count") == 2);
  // In a loop, in a branch, and many times: nothing is left over.
  json::object loop =
      loop_of("import os\ndef work(x):\n    if x % 3 == 0: os._exit(1)\n    return x", {}, "list(range(30))");
  loop["nodes"].get_array()[2].get_object()["onError"] = "continueRegularOutput";
  loop["nodes"].get_array()[3].get_object()["code"] =
      "def end(v): return [sum(isinstance(x, dict) for x in v), sum(x for x in v if not isinstance(x, dict))]";
  CHECK(json::serialize(cli.json_of(loop).at("outputs").at("end")) == "[10,300]");
}

TEST_CASE("rounds of a loop are shared among branches") {
  const Cli cli;
  const char* const work = R"(
import os, time
def work(x):
    time.sleep(0.02)
    return [x, os.getpid()]
)";
  const json::value done = cli.json_of(loop_of(work, {{"parallel", 3}}, "list(range(40))"));
  const json::array& results = done.at("outputs").at("end").as_array();
  REQUIRE(results.size() == 40);
  std::set<std::int64_t> processes;
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(results[i].at(0) == i);
    processes.insert(results[i].at(1).as_int64());
  }
  CHECK(processes.size() == 3);
  CHECK(node_in(done, "work").at("runs") == 40);
  // Batches, a generator, fewer items than branches, one, none.
  const auto end_of = [&](const std::string& body, json::object parameters, const std::string& items) {
    return json::serialize(cli.json_of(loop_of(body, std::move(parameters), items)).at("outputs").at("end"));
  };
  CHECK(end_of("def work(x): return sum(x)", {{"parallel", 2}, {"batch", 3}}, "list(range(7))") == "[3,12,6]");
  CHECK(end_of("def work(x): return x", {{"parallel", 4}}, "(x for x in range(3))") == "[0,1,2]");
  CHECK(end_of("def work(x): return x", {{"parallel", 4}}, "['one']") == R"(["one"])");
  CHECK(end_of("def work(x): return x", {{"parallel", 4}}, "[]") == "[]");
  // Errors: the earliest round is the one that failed, or they are collected.
  const char* const odd =
      "import time\ndef work(x):\n    time.sleep(0.01 * (10 - x))\n    if x in (3, 7): raise ValueError(x)\n    return "
      "x";
  const json::value failed = cli.json_of(loop_of(odd, {{"parallel", 4}}, "list(range(10))"));
  CHECK(has(text(failed.at("error")), "ValueError: 3 (node 'work'"));
  CHECK(has(text(node_in(failed, "each").at("error").at("message")), "round 3: node \"work\" failed: ValueError"));
  const json::value collected =
      cli.json_of(loop_of(odd, {{"parallel", 4}, {"on_error", "collect"}}, "list(range(10))"));
  CHECK(collected.at("outputs").at("end").as_array().size() == 10);
  CHECK(text(collected.at("outputs").at("end").at(7).at("error").at("message")) == "7");
  CHECK(collected.at("outputs").at("end").at(7).at("item") == 7);
  CHECK(has(text(cli.json_of(loop_of("def work(x): return lambda: x", {{"parallel", 2}}, "[1, 2]")).at("error")),
            "cannot leave its branch"));
  CHECK(
      has(text(cli.json_of(loop_of("import os\ndef work(x): os._exit(4)", {{"parallel", 2}}, "[1, 2, 3]")).at("error")),
          "exit status 4"));
  // Where there can be none, it is said.
  const json::value off =
      cli.json_of(loop_of("def work(x): return x", {{"parallel", 2}}, "[1, 2]", {{"parallel", "off"}}));
  CHECK(json::serialize(off.at("outputs").at("end")) == "[1,2]");
  CHECK(has(json::serialize(node_in(off, "each").at("warnings")),
            "parallel 2 is not used, since settings.parallel is off"));
}

TEST_CASE("a branch has no more rights than its worker") {
  const Cli cli;
  const auto side = [&](const std::string& body, json::object sandbox = {}) {
    return cli.json_of(diamond(kStart, "import time\ndef left(v):\n    time.sleep(0.2)\n    return 'left'", body, kBoth,
                               {{"parallel", "on"}, {"sandbox", std::move(sandbox)}}));
  };
  // It cannot end its worker, nor reach the channels of others.
  const json::value murder = side(R"(
import os, signal
def right(v):
    for pid in (1, os.getppid()):
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
    return os.getpid() != 1
)");
  CHECK(json::serialize(murder.at("outputs").at("end")) == R"(["left",true])");
  const json::value channels = side(R"(
import os, socket
def right(v):
    found = []
    for fd in range(3, 256):
        try: mode = os.fstat(fd).st_mode
        except OSError: continue
        found.append((fd, mode & 0o170000))
    sockets = [fd for fd, kind in found if kind == 0o140000]
    return sockets
)");
  CHECK(json::serialize(channels.at("outputs").at("end")) == R"(["left",[3]])");
  // What the policy refuses to a worker it refuses to a branch, by name.
  const json::value network = side("import socket\ndef right(v): socket.socket()");
  CHECK(has(text(network.at("error")), "network is off for this node"));
  CHECK(has(text(side("import ctypes\ndef right(v):\n    libc = ctypes.CDLL(None, use_errno=True)\n    assert "
                      "libc.unshare(0x10000000) == 0, ctypes.get_errno()")
                     .at("error")),
            "AssertionError"));
  // Its processes count in the worker's limit.
  const json::value bomb = side(R"(
import os, time
def right(v):
    made = 0
    while True:
        try: pid = os.fork()
        except OSError: return made
        if pid == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
)",
                                {{"processes", 20}});
  CHECK(text(bomb.at("status")) == "completed");
  CHECK(bomb.at("outputs").at("end").at(1).as_int64() < 20);
  // So does its memory: together they have what one may have.
  const json::value hungry = cli.json_of(diamond(
      kStart, "import time\ndef left(v):\n    a = bytearray(b'x') * 90_000_000\n    time.sleep(1)\n    return len(a)",
      "import time\ndef right(v):\n    a = bytearray(b'x') * 90_000_000\n    time.sleep(1)\n    return len(a)", kBoth,
      {{"parallel", "on"}, {"sandbox", {{"memory", "128 MiB"}}}}));
  CHECK(has(text(hungry.at("error")), "MemoryLimit"));
}
