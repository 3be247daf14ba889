// One user against the others: places, queues, WebSockets, bodies of strangers.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

using Clock = std::chrono::steady_clock;

json::object sleeping(const char* seconds) {
  return chain({node("sleep", std::string("import time\ndef f():\n    time.sleep(") + seconds + ")\n    return 1\n")});
}

}  // namespace

TEST_CASE("many executions of one user do not hold up another's single one") {
  Daemon daemon({"--max-running", "4"});
  Daemon busy = daemon.as_user("busy@example.org");
  Daemon other = daemon.as_user("other@example.org");
  const std::string slow = busy.store(sleeping("4"));
  const std::string quick = other.store(greeting());
  CHECK(other.post("/workflows/" + quick + "/execute?wait=30")["status"] == "completed");  // its types are known now
  for (int i = 0; i < 20; ++i) REQUIRE(busy.post("/workflows/" + slow + "/execute").status == 202);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto start = Clock::now();
  CHECK(other.post("/workflows/" + quick + "/execute?wait=30")["status"] == "completed");
  CHECK(Clock::now() - start < std::chrono::seconds(3));
}

TEST_CASE("no more executions wait than may, however many come at once; the time in the queue is recorded") {
  Daemon daemon({"--max-running", "1", "--max-waiting", "10"});
  const std::string id = daemon.store(sleeping("1"));
  CHECK(daemon.post("/workflows/" + id + "/execute?wait=30")["status"] == "completed");
  std::atomic<int> accepted{0}, refused{0};
  std::vector<std::thread> clients;
  std::string last;
  std::mutex mutex;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&] {
      Daemon one = daemon.apart();
      for (int k = 0; k < 4; ++k) {
        const Answer answer = one.post("/workflows/" + id + "/execute");
        ++(answer.status == 202 ? accepted : refused);
        if (answer.status == 202) {
          const std::lock_guard lock(mutex);
          last = std::max(last, text(answer["id"]));
        } else {
          CHECK(error_code(answer) == "busy");
          CHECK(answer.header("Retry-After") == "1");
        }
      }
    });
  for (auto& client : clients) client.join();
  CHECK(accepted <= 12);  // ten that wait, one that runs, one that ended meanwhile
  CHECK(accepted >= 10);
  CHECK(refused == 64 - accepted);
  Answer end;
  CHECK(eventually([&] { return (end = daemon.get("/executions/" + last))["status"] == "completed"; },
                   std::chrono::seconds(40)));
  CHECK(end["resource_usage"].at("queue_ms").to_number<double>() > 3000);
}

TEST_CASE("a stranger's body is bounded where anybody may send one") {
  Daemon daemon;
  const std::string id = daemon.store(greeting());
  CHECK(daemon.post("/workflows/" + id + "/activate").status == 200);
  CHECK(daemon.post("/webhooks", {{"workflowId", id}, {"path", "open"}, {"method", "POST"}}).status == 201);
  Daemon stranger = daemon.with_headers("");
  CHECK(stranger.send("POST", "/webhook/open", "{\"a\": \"" + std::string(2U << 20U, 'x') + "\"}").status == 413);
  CHECK(stranger.post("/webhook/open", {{"a", 1}}).status == 202);
}

TEST_CASE("lists of library nodes carry no code") {
  Daemon daemon;
  REQUIRE(daemon.post("/nodes", {{"name", "n"}, {"code", "def f(): return 1\n"}}).status == 201);
  const json::value list = daemon.get("/nodes").parsed();
  for (const auto& one : list.as_array()) CHECK_FALSE(one.as_object().contains("code"));
}
