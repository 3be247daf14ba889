// Executions that wait for their turn: what the record says of them, and that neither a kill nor an edit changes them.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/started.hpp"

using namespace qflow::test;

namespace {

json::object sleeping(const char* seconds) {
  return chain({node("sleep", std::string("import time\ndef f():\n    time.sleep(") + seconds + ")\n    return 1\n",
                     {{"timeout", 900}})});  // the default of 30 s would end what is to wait for a slow machine
}

json::object answering(int number) { return chain({node("answer", "def f(): return " + std::to_string(number))}); }

std::string start(Daemon& daemon, const std::string& workflow, const json::value& input = nullptr) {
  json::object body;
  if (!input.is_null()) body["input_data"] = input;
  const Answer answer = daemon.post("/workflows/" + workflow + "/execute", body);
  REQUIRE(answer.status == 202);
  return text(answer["id"]);
}

std::string status(Daemon& daemon, const std::string& id) { return text(daemon.get("/executions/" + id)["status"]); }

bool ends(Daemon& daemon, const std::string& id, const std::string& wanted) {
  return eventually([&] { return status(daemon, id) == wanted; }, std::chrono::seconds(120 * kSanitizerTimes));
}

}  // namespace

TEST_CASE("what had not begun when the daemon was killed runs after the restart, as it was accepted") {
  const auto directory = std::make_shared<TempDir>();
  std::string running, edited, deleted, with_input;
  {
    Daemon daemon({"--max-running", "1"}, {}, directory);
    const std::string slow = daemon.store(sleeping("800"));
    const std::string one = daemon.store(answering(1)), two = daemon.store(answering(2));
    const std::string echo = daemon.store(chain({node("echo", "def f(x): return x")}));
    running = start(daemon, slow);
    REQUIRE(ends(daemon, running, "running"));
    edited = start(daemon, one);
    deleted = start(daemon, two);
    with_input = start(daemon, echo, {{"x", "kept"}});
    CHECK(status(daemon, edited) == "queued");
    CHECK(daemon.get("/executions?status=queued")["count"] == 3);
    CHECK(daemon.get("/executions/active")["count"] == 4);
    CHECK(daemon.call("PATCH", "/workflows/" + one, answering(100)).status == 200);
    CHECK(daemon.call("DELETE", "/workflows/" + two).status == 200);
    daemon.program().signal(SIGKILL);
    daemon.program().wait(std::chrono::seconds(5));
  }
  Daemon daemon({"--max-running", "1"}, {}, directory);
  CHECK(status(daemon, running) == "crashed");
  REQUIRE(ends(daemon, edited, "completed"));
  REQUIRE(ends(daemon, deleted, "completed"));
  REQUIRE(ends(daemon, with_input, "completed"));
  CHECK(daemon.get("/executions/" + edited)["data"].at("outputs").at("answer") == 1);
  CHECK(daemon.get("/executions/" + deleted)["data"].at("outputs").at("answer") == 2);
  CHECK(daemon.get("/executions/" + with_input)["data"].at("outputs").at("echo") == "kept");
  const Answer document = daemon.get("/executions/" + deleted + "/workflow");
  CHECK(text(document["nodes"].at(0).at("id")) == "answer");
}

TEST_CASE("what waits when the daemon is stopped stays queued, and the next one runs it") {
  const auto directory = std::make_shared<TempDir>();
  std::string running, waiting;
  {
    Daemon daemon({"--max-running", "1", "--drain", "0.2"}, {}, directory);
    running = start_and_see(daemon, daemon.store(sleeping("800")));
    REQUIRE_FALSE(running.empty());
    waiting = start(daemon, daemon.store(answering(3)));
    daemon.program().signal(SIGTERM);
    CHECK(daemon.program().wait(std::chrono::seconds(20)).code == 0);
  }
  Daemon daemon({}, {}, directory);
  CHECK(status(daemon, running) == "cancelled");
  CHECK(ends(daemon, waiting, "completed"));
}

TEST_CASE("a queued execution is stopped, and one that cannot run any more says why") {
  const auto directory = std::make_shared<TempDir>();
  std::string stopped, homeless;
  {
    Daemon daemon({"--max-running", "1"}, {}, directory);
    Daemon guest = daemon.as_user("guest@example.org");
    start(daemon, daemon.store(sleeping("800")));
    stopped = start(daemon, daemon.store(answering(4)));
    homeless = start(guest, guest.store(answering(5)));
    CHECK(text(daemon.post("/executions/" + stopped + "/stop")["status"]) == "cancelled");
    CHECK(daemon.post("/executions/" + stopped + "/stop").status == 409);
    const std::string id = text(guest.get("/me")["id"]);
    CHECK(daemon.call("PATCH", "/users/" + id, {{"isActive", false}}).status == 200);
    daemon.program().signal(SIGKILL);
    daemon.program().wait(std::chrono::seconds(5));
  }
  Daemon daemon({}, {}, directory);
  CHECK(status(daemon, stopped) == "cancelled");
  CHECK(ends(daemon, homeless, "failed"));
  CHECK(text(daemon.get("/executions/" + homeless)["error"]).find("no longer has access") != std::string::npos);
}

TEST_CASE("events say that an execution waits, and when it begins") {
  Daemon daemon({"--max-running", "1"});
  const std::string slow = daemon.store(sleeping("5"));
  WebSocket socket(daemon.port(), "/ws/executions", daemon.authorization());
  start(daemon, slow);
  socket.next("execution.started");
  const std::string second = start(daemon, slow);
  const json::value waits = socket.next("execution.queued");
  CHECK(text(waits.at("executionId")) == second);
  CHECK(waits.at("waiting") == 1);
  CHECK(text(socket.next("execution.started").at("executionId")) == second);
}

TEST_CASE("what a user without access has waiting does not run") {
  Daemon daemon({"--max-running", "1"});
  Daemon guest = daemon.as_user("guest@example.org");
  const std::string running = start(daemon, daemon.store(sleeping("800")));
  const std::string waiting = start(guest, guest.store(answering(6)));
  CHECK(daemon.call("DELETE", "/users/" + text(guest.get("/me")["id"])).status == 200);
  CHECK(daemon.post("/executions/" + running + "/stop").status == 200);
  CHECK(ends(daemon, waiting, "cancelled"));
}

TEST_CASE("large inputs wait in the store, not in memory") {
  Daemon daemon({"--max-running", "1"});
  const std::string slow = daemon.store(sleeping("800"));
  const std::string count = daemon.store(chain({node("count", "def f(x): return len(x)")}));
  const std::string running = start(daemon, slow);
  REQUIRE(ends(daemon, running, "running"));
  const auto memory = [&] {
    const std::string status =
        qflow::sandbox::read_file("/proc/" + std::to_string(daemon.program().pid()) + "/status", 65536);
    return std::stol(status.substr(status.find("VmRSS:") + 6));
  };
  json::array numbers(400'000, 7);
  std::string last;
  // Eight first: what the allocator keeps of their requests is used again by those that follow.
  for (int i = 0; i < 8; ++i) last = start(daemon, count, {{"x", numbers}});
  const long before = memory();
  for (int i = 0; i < 24; ++i) last = start(daemon, count, {{"x", numbers}});
  CHECK(memory() - before < 100'000 * kSanitizerTimes);  // KiB; a parsed one takes about 10,000
  CHECK(daemon.post("/executions/" + running + "/stop").status == 200);
  REQUIRE(ends(daemon, last, "completed"));
  CHECK(daemon.get("/executions/" + last)["data"].at("outputs").at("count") == 400'000);
}
