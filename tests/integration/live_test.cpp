// WebSockets: events as they happen, only the caller's own, resumable; and clients that misbehave.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "tests/support/http.hpp"
#include "tests/support/web_socket.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}
json::object two_nodes() {
  return chain(
      {node("first", "import time\ndef first():\n    print('hello', flush=True)\n    time.sleep(0.2)\n    return 1"),
       node("second", "def second(x):\n    print('again')\n    return x + 1")});
}

}  // namespace

TEST_CASE("an execution's events come in order, with what its nodes print") {
  const std::string id = daemon().store(two_nodes());
  WebSocket socket(daemon().port(), "/ws/executions?workflowId=" + id, daemon().authorization());
  REQUIRE(socket.status() == 101);
  daemon().post("/workflows/" + id + "/execute");
  std::vector<std::string> types;
  std::string printed;
  std::uint64_t last = 0;
  for (int i = 0; i < 50 && (types.empty() || types.back() != "execution.completed"); ++i) {
    const auto message = socket.receive();
    REQUIRE(message);
    const json::value event = json::parse(*message);
    types.push_back(text(event.at("type")));
    CHECK(event.at("id").to_number<std::uint64_t>() > last);
    last = event.at("id").to_number<std::uint64_t>();
    if (types.back() == "node.output") printed += text(event.at("nodeName")) + ":" + text(event.at("text"));
  }
  const auto position = [&](const char* type) { return std::find(types.begin(), types.end(), type) - types.begin(); };
  CHECK(types.front() == "execution.started");
  CHECK(types.back() == "execution.completed");
  CHECK(std::count(types.begin(), types.end(), "node.finished") == 2);
  CHECK(std::count(types.begin(), types.end(), "execution.progress") == 2);
  CHECK(printed == "first:hello\nsecond:again\n");
  // Live: the first node's output comes before its end.
  CHECK(position("node.output") < position("node.finished"));
}

TEST_CASE("a client that reconnects gets the events it missed, once") {
  const std::string id = daemon().store(two_nodes());
  std::uint64_t since = 0;
  {
    WebSocket socket(daemon().port(), "/ws/executions?workflowId=" + id, daemon().authorization());
    daemon().post("/workflows/" + id + "/execute?wait=60");
    const json::value started = socket.next("execution.started");
    REQUIRE(started.is_object());
    since = started.at("id").to_number<std::uint64_t>();
  }
  WebSocket again(daemon().port(), "/ws/executions?workflowId=" + id + "&since=" + std::to_string(since),
                  daemon().authorization());
  const auto first = again.receive();
  REQUIRE(first);
  CHECK(json::parse(*first).at("id").to_number<std::uint64_t>() > since);
  CHECK(json::parse(*first).at("type") == "node.started");
  CHECK(again.next("execution.completed").is_object());
  WebSocket late(daemon().port(), "/ws/executions?since=1", daemon().authorization());
  const auto lost = late.receive();
  REQUIRE(lost);
  CHECK(json::parse(*lost).at("type") == "events.lost");
}

TEST_CASE("a client gets its own events only, and only with a proof") {
  CHECK(WebSocket(daemon().port(), "/ws/executions").status() == 401);
  CHECK(WebSocket(daemon().port(), "/ws/executions?token=wrong").status() == 401);
  CHECK(WebSocket(daemon().port(), "/ws/executions?token=" + daemon().token()).status() == 101);
  CHECK(WebSocket(daemon().port(), "/ws/executions", daemon().authorization() + "Origin: http://evil.example\r\n")
            .status() == 403);
  CHECK(WebSocket(daemon().port(), "/ws/nothing", daemon().authorization()).status() == 404);
  CHECK(daemon().get("/ws/executions").status == 400);  // no upgrade
  Daemon other = daemon().as_user("listener@example.org");
  WebSocket socket(daemon().port(), "/ws/executions", other.authorization());
  const std::string theirs = daemon().store(two_nodes());
  daemon().post("/workflows/" + theirs + "/execute?wait=60");
  const std::string own = other.store(two_nodes());
  other.post("/workflows/" + own + "/execute?wait=60");
  const auto first = socket.receive();
  REQUIRE(first);
  CHECK(json::parse(*first).at("workflowId") == json::value(own));
}

TEST_CASE("every change of a workflow is told to the editors, also the restoring of a version") {
  WebSocket socket(daemon().port(), "/ws/workflows", daemon().authorization());
  REQUIRE(socket.status() == 101);
  const std::string id = daemon().store(greeting());
  CHECK(text(socket.next("workflow.created").at("workflowId")) == id);
  CHECK(daemon().call("PATCH", "/workflows/" + id, {{"name", "renamed"}}).status == 200);
  CHECK(text(socket.next("workflow.updated").at("name")) == "renamed");
  CHECK(daemon().post("/workflows/" + id + "/versions/1/restore").status == 200);
  CHECK(text(socket.next("workflow.updated").at("workflowId")) == id);
  CHECK(daemon().call("DELETE", "/workflows/" + id).status == 200);
  CHECK(text(socket.next("workflow.deleted").at("workflowId")) == id);
}

TEST_CASE("a socket closes when its user loses the access that opened it") {
  Daemon other = daemon().as_user("ends@example.org");
  const std::string id = text(other.get("/me")["id"]);
  WebSocket socket(daemon().port(), "/ws/executions", other.authorization());
  REQUIRE(socket.status() == 101);
  daemon().call("PATCH", "/users/" + id, {{"isActive", false}});
  CHECK_FALSE(socket.receive(10'000));
  CHECK(socket.close_code() == 1008);
  Daemon admin = daemon().as_user("less@example.org", "admin");
  const std::string admin_id = text(admin.get("/me")["id"]);
  WebSocket wide(daemon().port(), "/ws/workflows", admin.authorization());
  daemon().call("PATCH", "/users/" + admin_id, {{"role", "user"}});
  CHECK_FALSE(wide.receive(10'000));
  CHECK(wide.close_code() == 1008);
}

TEST_CASE("changes to workflows and containers are sent as events") {
  WebSocket workflows(daemon().port(), "/ws/workflows", daemon().authorization());
  WebSocket containers(daemon().port(), "/ws/containers", daemon().authorization());
  const std::string id = daemon().store(two_nodes());
  CHECK(workflows.next("workflow.created").at("workflowId") == json::value(id));
  daemon().call("PATCH", "/workflows/" + id, {{"name", "other"}});
  CHECK(workflows.next("workflow.updated").at("name") == "other");
  daemon().call("DELETE", "/workflows/" + id);
  CHECK(workflows.next("workflow.deleted").at("workflowId") == json::value(id));
  const std::string container = text(daemon().post("/containers", json::object())["id"]);
  CHECK(containers.next("container.created").at("containerId") == json::value(container));
  CHECK(containers.next("container.status").at("status") == "running");
  daemon().call("DELETE", "/containers/" + container);
  CHECK(containers.next("container.removed").is_object());
}

TEST_CASE("heartbeats are answered, and invalid frames end only their connection") {
  WebSocket socket(daemon().port(), "/ws/executions", daemon().authorization());
  socket.send(R"({"type":"heartbeat"})");
  CHECK(socket.receive() == R"({"type":"heartbeat"})");
  const std::vector<std::string> bad{
      "\xff\xff\xff\xff\xff\xff\xff\xff",                                   // reserved bits
      std::string("\x81\x05hello", 7),                                      // not masked
      std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14),  // a length beyond any limit
      std::string("\x80\x80\0\0\0\0", 6),                                   // a continuation of nothing
      std::string("\x89\xff\0\0\0\0\0\0\0\xff\0\0\0\0", 14),                // a long ping
      std::string("\x81\x82\0\0\0\0\xff\xfe", 8)};                          // not UTF-8
  for (const std::string& bytes : bad) {
    WebSocket one(daemon().port(), "/ws/executions", daemon().authorization());
    REQUIRE(one.status() == 101);
    one.send_raw(bytes);
    CHECK_FALSE(one.receive(5000));
  }
  WebSocket large(daemon().port(), "/ws/executions", daemon().authorization());
  large.send(std::string(100'000, 'x'));
  CHECK_FALSE(large.receive(5000));
  CHECK(large.close_code() == 1009);
  CHECK(daemon().get("/health").status == 200);
}

TEST_CASE("a stopping server closes its sockets with a code") {
  Daemon own;
  WebSocket socket(own.port(), "/ws/executions", own.authorization());
  own.program().signal(SIGTERM);
  CHECK_FALSE(socket.receive());
  CHECK(socket.close_code() == 1001);
  CHECK(own.program().wait(std::chrono::seconds(20)).code == 0);
}
