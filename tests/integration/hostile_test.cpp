// Nodes that misbehave, and processes that are killed: each ends in bounded time with its own clear error, and the
// daemon goes on.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <csignal>

#include "tests/support/started.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one({"--timeout", "20", "--memory", "256"});
  return one;
}

std::string error_of(const std::string& code, json::object more = {}) {
  return text(daemon().node(code, nullptr, std::move(more))["error"]);
}
/// The node's output or, if it failed, the whole answer, so that a failing check says why.
json::value output_of(const std::string& code) {
  const Answer answer = daemon().node(code);
  return answer["success"] == true ? answer["output"] : json::value(answer.body);
}
bool works() { return daemon().node("def f(): return 7")["output"] == 7; }
}  // namespace

TEST_CASE("code that is not a node") {
  CHECK(has(error_of("def f(:\n  pass"), "SyntaxError"));
  CHECK(has(error_of("x = 1"), "no function"));
  CHECK(has(error_of("def f(): pass", {{"function", "g"}}), "function 'g' is not defined; defined functions: f"));
  CHECK(has(error_of("def f(a, b): pass"), "missing argument 'a', 'b' of f(a, b)"));
  CHECK(has(error_of("raise ValueError('at import')"), "ValueError: at import"));
  CHECK(has(error_of(std::string("def f(): pass\0", 14)), "SyntaxError"));
  CHECK(has(error_of(std::string(100, '(') + "\ndef f(): pass"), "SyntaxError"));
  CHECK(has(error_of("def f(): raise SystemExit(3)"), "SystemExit: 3"));
  CHECK(has(error_of("def f(): raise KeyboardInterrupt"), "KeyboardInterrupt"));
  CHECK(has(error_of("def f(n=1): return f(n + 1)"), "RecursionError"));
}

TEST_CASE("of 100 MB that a node prints, the first MiB is kept and the rest counted") {
  const Answer answer = daemon().node(
      "import sys\ndef f():\n    for _ in range(100):\n        sys.stdout.write('x' * 1_000_000)\n    print('end', "
      "file=sys.stderr)\n    return 'done'");
  CHECK(answer["output"] == "done");
  CHECK(answer["stdout"].as_string().size() == 1U << 20U);
  CHECK(answer["output_dropped"].to_number<std::int64_t>() == 100'000'000 - (1 << 20));
  CHECK(answer["stderr"] == "end\n");
}

TEST_CASE("values that JSON cannot hold") {
  const Answer nan = daemon().node("def f(): return [float('nan'), float('inf'), 1.5]");
  CHECK(nan["output"] == json::value(json::array{nullptr, nullptr, 1.5}));
  CHECK(nan["exact"] == false);
  CHECK(daemon().node("def f(): return 10 ** 4000")["output"].at("__type") == "int");
  CHECK(daemon().node("def f(): return 10 ** 200000")["success"] == true);
  CHECK(daemon().node("def f(): return '\\ud800'")["success"] == true);
  CHECK(daemon().node("def f():\n    l = []\n    l.append(l)\n    return l")["truncated"] == true);
}

TEST_CASE("a value larger than the answer's bound is cut and says so") {
  const Answer answer = daemon().node("def f(): return 'x' * 50_000_000");
  CHECK(answer["success"] == true);
  CHECK(answer["truncated"] == true);
  CHECK(answer.body.size() < 10'000'000);
}

TEST_CASE("a node that ends its process") {
  CHECK(has(error_of("import os\ndef f():\n    print('before', flush=True)\n    os._exit(3)"),
            "WorkerDied: it ended the process with exit status 3"));
  CHECK(daemon().node("import os\ndef f():\n    print('before', flush=True)\n    os._exit(3)")["stdout"] == "before\n");
  CHECK(has(error_of("import os\nos._exit(0)\ndef f(): pass"), "exit status 0"));
  CHECK(has(error_of("import ctypes\ndef f(): ctypes.string_at(1)"), "SIGSEGV"));
  CHECK(has(error_of("import os\ndef f(): os.abort()"), "WorkerDied"));
  // A worker is PID 1 of its namespace: the kernel ignores signals by which it would kill itself, and the node goes on.
  CHECK(output_of("import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\n    return 1") == 1);
  CHECK(works());
}

TEST_CASE("a node that never returns") {
  CHECK(has(error_of("import time\ndef f(): time.sleep(60)", {{"timeout", 0.5}}),
            "TimedOut: it ran longer than its time limit of 0.5 s"));
  CHECK(has(error_of("def f():\n    while True: pass", {{"timeout", 5}, {"sandbox", {{"cpu", 0.1}}}}),
            "TimedOut: it used more processor time than its limit of 0.5 s (sandbox.cpu 0.1 for sandbox.time 5 s)"));
  CHECK(has(error_of("import time\ntime.sleep(60)\ndef f(): pass", {{"timeout", 0.5}}), "while its module was loaded"));
  CHECK(has(error_of("import signal, time\ndef f():\n    for s in range(1, 65):\n        try: signal.signal(s, "
                     "signal.SIG_IGN)\n        except (OSError, ValueError): pass\n    time.sleep(60)",
                     {{"timeout", 0.5}}),
            "TimedOut"));
  CHECK(works());
}

TEST_CASE("a node that eats memory") {
  CHECK(has(error_of("def f(): return bytearray(10 ** 10)"), "MemoryError"));
  const std::string grows = error_of("def f():\n    x = []\n    while True: x.append(bytearray(1_000_000))");
  CHECK((has(grows, "MemoryError") || has(grows, "MemoryLimit")));
  CHECK(has(error_of("import mmap\ndef f():\n    m = [mmap.mmap(-1, 100_000_000) for _ in range(6)]\n    for x in m:\n "
                     "       for i in range(0, len(x), 4096): x[i] = 1\n    import time; time.sleep(5)"),
            "MemoryLimit: it held more memory than its limit of 256 MiB"));
  CHECK(has(error_of("import os, time\ndef f():\n    for _ in range(8):\n        if os.fork() == 0:\n            x = "
                     "bytearray(100_000_000)\n            for i in range(0, len(x), 4096): x[i] = 1\n            "
                     "time.sleep(20)\n            os._exit(0)\n    time.sleep(20)"),
            "MemoryLimit"));
  CHECK(works());
}

TEST_CASE("a fork bomb") {
  const std::string error = error_of(
      "import os, time\ndef f():\n    while True:\n        try: os.fork()\n        except OSError: time.sleep(0.01)",
      {{"timeout", 2}});
  CHECK_MESSAGE((has(error, "ProcessLimit") || has(error, "MemoryLimit") || has(error, "TimedOut")), error);
  CHECK(works());
  // It reaches its own limit, not one that it shares with others.
  CHECK(output_of("import os, time\ndef f():\n    n = 0\n    try:\n        while n < 1000:\n            if os.fork() "
                  "== 0:\n                time.sleep(5)\n                os._exit(0)\n            n += 1\n    except "
                  "OSError:\n        return 40 < n < 64") == true);
}

TEST_CASE("children that a node forks do not answer for it") {
  CHECK(output_of("import os\ndef f():\n    return 'child' if os.fork() == 0 else 'parent'") == "parent");
  CHECK(works());
}

TEST_CASE("a node that closes its descriptors, or writes to the daemon's socket") {
  CHECK(has(error_of("import os\ndef f():\n    os.closerange(0, 256)\n    return 1"), "closed the worker's channel"));
  CHECK(output_of("import os\ndef f():\n    os.close(1); os.close(2)\n    return 1") == 1);
  CHECK(has(error_of("import os\ndef f():\n    os.write(3, b'\\xff' * 64)\n    return 1"), "ProtocolViolation"));
  CHECK(has(error_of("import os, struct\ndef f():\n    m = b'{\"because\":1}'\n    os.write(3, struct.pack('<IIII', 12 "
                     "+ len(m), 36, 99, len(m)) + m)\n    return 1"),
            "ProtocolViolation"));
  // Half a header before the real answer: the stream is broken, which ends only this execution.
  CHECK(
      daemon().node("import os\ndef f():\n    os.write(3, b'\\0' * 8)\n    import time; time.sleep(0.2)\n    return 1")
          ["success"] == false);
  CHECK(works());
}

TEST_CASE("a child that writes to the node's pipes forever does not hold up the answer") {
  CHECK(
      output_of(
          "import os\ndef f():\n    if os.fork() == 0:\n        while True: os.write(1, b'x' * 65536)\n    return 1") ==
      1);
  CHECK(works());
}

TEST_CASE("kill -9 of a worker in the middle of a node") {
  Daemon own;
  const std::string id =
      own.store(chain({node("a", "def a(): return 1"), node("slow", "import time\ndef slow(x):\n    time.sleep(60)")}));
  const std::string execution = text(own.post("/workflows/" + id + "/execute")["id"]);
  REQUIRE(eventually([&] {
    return own.get("/executions/" + execution)["data"].at("resultData").at("runData").as_object().contains("a");
  }));
  // The busy worker is one of the zygote's children: kill them all, spares too.
  const std::string zygote = own.zygote();
  REQUIRE_FALSE(zygote.empty());
  run({"pkill", "-9", "-P", zygote});
  REQUIRE(eventually([&] { return text(own.get("/executions/" + execution)["status"]) == "failed"; }));
  CHECK(has(text(own.get("/executions/" + execution)["error"]), "killed from outside"));
  CHECK(own.node("def f(): return 7")["output"] == 7);
}

TEST_CASE("kill -9 of a zygote in the middle of an execution") {
  Daemon own;
  const std::string id = own.store(chain({node("slow", "import time\ndef slow():\n    time.sleep(60)")}));
  const std::string execution = text(own.post("/workflows/" + id + "/execute")["id"]);
  ::usleep(300'000);
  run({"kill", "-9", own.zygote()});
  REQUIRE(eventually([&] { return text(own.get("/executions/" + execution)["status"]) == "failed"; }));
  CHECK(has(text(own.get("/executions/" + execution)["error"]), "zygote"));
  CHECK(own.node("def f(): return 7")["output"] == 7);
  CHECK(own.get("/health")["status"] == "healthy");
}

TEST_CASE("kill -9 of the daemon in the middle of an execution: the next daemon reports it, nothing is left running") {
  auto directory = std::make_shared<TempDir>();
  std::string execution;
  std::string monitor;
  {
    Daemon first({}, {}, directory);
    const std::string id = first.store(
        chain({node("a", "def a(): return 'kept'"), node("slow", "import time\ndef slow(x):\n    time.sleep(60)")}));
    execution = text(first.post("/workflows/" + id + "/execute")["id"]);
    REQUIRE(eventually([&] {
      return first.get("/executions/" + execution)["data"].at("resultData").at("runData").as_object().contains("a");
    }));
    monitor = run({"pgrep", "-P", std::to_string(first.program().pid())}).out;
    monitor = monitor.substr(0, monitor.find('\n'));
    first.program().signal(SIGKILL);
    first.program().wait(std::chrono::seconds(5));
  }
  CHECK(eventually([&] { return run({"kill", "-0", monitor}).code != 0; }));
  Daemon second({}, {}, directory);
  const Answer after = second.get("/executions/" + execution);
  CHECK(text(after["status"]) == "crashed");
  CHECK(after["data"].at("resultData").at("runData").at("a").at(0).at("qflow").at("value") == "kept");
  CHECK(second.node("def f(): return 7")["output"] == 7);
}

TEST_CASE("SIGTERM ends the daemon within its deadline, and running executions are recorded as cancelled") {
  auto directory = std::make_shared<TempDir>();
  std::string execution;
  {
    Daemon first({"--drain", "0.5"}, {}, directory);
    const std::string id = first.store(chain({node("slow", "import time\ndef slow():\n    time.sleep(60)")}));
    execution = start_and_see(first, id);  // what has not begun is left to the next process
    REQUIRE_FALSE(execution.empty());
    first.program().signal(SIGTERM);
    const Finished done = first.program().wait(std::chrono::seconds(10));
    CHECK_FALSE(done.timed_out);
    CHECK(done.code == 0);
  }
  Daemon second({}, {}, directory);
  CHECK(text(second.get("/executions/" + execution)["status"]) == "cancelled");
}
