// The transport and its limits, access, and bad input, each with a clear error.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one;
  return one;
}
Answer raw(const std::string& method, const std::string& path, const std::string& body) {
  Connection connection(daemon().port());
  return connection.call(method, path, body, daemon().authorization());
}
}  // namespace

TEST_CASE("nothing but /health is open without the token") {
  Connection connection(daemon().port());
  CHECK(connection.call("GET", "/health").status == 200);
  for (const char* path : {"/workflows", "/executions", "/executions/x", "/workflows/x"}) {
    const Answer answer = connection.call("GET", path);
    CHECK(answer.status == 401);
    CHECK(answer["error"].at("code") == "unauthorized");
    CHECK(answer["code"] == 401);
    CHECK(answer["status"] == "error");
  }
  CHECK(connection.call("POST", "/nodes/python/execute", "{\"code\":\"def f(): pass\"}").status == 401);
  CHECK(connection.call("GET", "/workflows", "", "Authorization: Bearer wrong\r\n").status == 401);
}

TEST_CASE("without the token a body is not even read") {
  Connection connection(daemon().port());
  REQUIRE(connection.send("POST /workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15000000\r\n\r\n{\"name\":"));
  CHECK(connection.receive().status == 401);  // while most of the body has not been sent
}

TEST_CASE("bodies that are refused") {
  CHECK(raw("POST", "/workflows", "{\"name\":").status == 400);
  CHECK(has(error_message(raw("POST", "/workflows", "nonsense")), "not JSON"));
  const Answer deep = raw("POST", "/workflows", std::string(10'000, '[') + std::string(10'000, ']'));
  CHECK(deep.status == 400);
  CHECK(has(error_message(deep), "nested deeper than 128 levels"));
  const Answer large = raw("POST", "/workflows", "{\"name\":\"" + std::string(20'000'000, 'x') + "\"}");
  CHECK(large.status == 413);
  CHECK(has(error_message(large), "larger than the limit of 16777216 bytes"));
  CHECK(error_message(raw("POST", "/workflows", "[]")) == "the body must be a JSON object");
  CHECK(error_message(raw("POST", "/workflows", "{}")) == "/name: required");
  CHECK(error_message(raw("POST", "/workflows", R"({"name":7})")) == "/name: expected a string");
  CHECK(error_message(raw("POST", "/workflows", R"({"name":"x","nodes":{}})")) == "/nodes: expected a list of nodes");
  CHECK(error_message(
            raw("POST", "/workflows", R"({"name":"x","nodes":[{"id":"a","parameters":{"timeout":"soon"}}]})")) ==
        "/nodes/0/parameters/timeout: expected a number greater than 0");
  CHECK(raw("POST", "/workflows", "{\"name\":\"\xff\xfe\"}").status == 400);
}

TEST_CASE("workflows that cannot run") {
  const Answer missing =
      raw("POST", "/workflows", R"({"name":"x","nodes":[{"id":"a"}],"connections":[{"source":"a","target":"gone"}]})");
  CHECK(missing.status == 400);
  CHECK(missing["error"].at("code") == "missing_node");
  CHECK(has(error_message(missing), "\"gone\""));
  const std::string cycle = daemon().store(
      flow({node("a", "def a(x): return x"), node("b", "def b(x): return x")}, {{"a", "b"}, {"b", "a"}}));
  const Answer cyclic = daemon().post("/workflows/" + cycle + "/execute");
  CHECK(cyclic.status == 400);
  CHECK(cyclic["error"].at("code") == "cyclic_workflow");
  const Answer version = daemon().node("def f(): pass", nullptr, {{"python_version", "2.7"}});
  CHECK(version.status == 400);
  CHECK(has(error_message(version), "\"2.7\" is not installed here; available: "));
  CHECK(has(error_message(version), "3.11"));
  CHECK(daemon().post("/workflows/nope/execute").status == 404);
  CHECK(error_message(daemon().node("def f(): pass", nullptr, {{"timeout", -1}})) ==
        "/timeout: expected a number greater than 0");
  CHECK(error_message(daemon().post("/nodes/python/execute", json::object{{"code", 7}})) ==
        "/code: required, a string with the node's Python code");
}

TEST_CASE("wrong paths, methods and queries") {
  CHECK(daemon().get("/nope").status == 404);
  CHECK(has(error_message(daemon().call("PUT", "/workflows")), "allowed: GET, POST"));
  CHECK(daemon().call("PUT", "/workflows").status == 405);
  CHECK(daemon().get("http://127.0.0.1/workflows").status == 200);
  CHECK(daemon().get("/workflows?take=0").status == 400);
  CHECK(daemon().get("/workflows?sortBy=colour").status == 400);
  CHECK(daemon().get("/workflows?filter=nonsense").status == 400);
  CHECK(daemon().get("/api/v1/workflows").status == 200);
}

TEST_CASE("requests that are not HTTP end their connection and nothing else") {
  for (const char* bytes :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST /workflows HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /workflows HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "GET /workflows HTTP/1.1\r\nBad Header\r\n\r\n"}) {
    Connection connection(daemon().port());
    CHECK(connection.send(bytes));
    const Answer answer = connection.receive();
    CHECK_MESSAGE((answer.status == 400 || answer.status == 0), bytes);
  }
  Connection chunked(daemon().port());
  chunked.send("POST /workflows HTTP/1.1\r\nHost: localhost\r\n" + daemon().authorization() +
               "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
  CHECK(chunked.receive().status == 400);
  Connection header(daemon().port());
  header.send("GET /health HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  CHECK(header.receive().status == 400);
  CHECK(daemon().get("/health").status == 200);
}

TEST_CASE("requests on one connection are answered in order, also when sent together") {
  Connection connection(daemon().port());
  std::string both;
  for (const char* path : {"/health", "/nope"})
    both += std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\n" + daemon().authorization() + "\r\n";
  CHECK(connection.send(both));
  CHECK(connection.receive().status == 200);
  CHECK(connection.receive().status == 404);
}

TEST_CASE("the health answer lists the state of each component") {
  const Answer health = daemon().get("/health");
  CHECK(health["status"] == "healthy");
  for (const char* check : {"database", "redis", "docker", "python_environments"})
    CHECK(health["checks"].at(check).at("status") == "healthy");
  CHECK(health["checks"].at("docker").at("isolation_level").to_number<int>() >= 2);
}

TEST_CASE("a second daemon on the same data directory is refused") {
  const Finished second =
      run({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", daemon().directory()->path() + "/data"});
  CHECK(second.code == 2);
  CHECK(has(second.err, "another `qflow serve` uses the data directory"));
  const Finished taken = run({bin("qflow"), "serve", "--listen", "127.0.0.1:" + std::to_string(daemon().port()),
                              "--data-dir", daemon().directory()->path() + "/other"});
  CHECK(taken.code == 2);
  CHECK(has(taken.err, "cannot listen on"));
}
