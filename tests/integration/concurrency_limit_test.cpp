// settings.concurrency: how many executions of one workflow, or of one key, run at a time, and what becomes of others.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/started.hpp"

using namespace qflow::test;

namespace {

Daemon& daemon() {
  static Daemon one({"--max-running", "8"});
  return one;
}

std::string limited(json::object concurrency, const std::string& seconds = "v['seconds']") {
  json::object flow = chain({node("n", "import time\ndef n(v):\n    time.sleep(" + seconds + ")\n    return v")});
  flow["settings"] = json::object{{"concurrency", std::move(concurrency)}};
  return daemon().store(flow);
}

std::string start(const std::string& workflow, double seconds, const std::string& customer = "a") {
  const Answer started =
      daemon().post("/workflows/" + workflow + "/execute",
                    {{"input_data", json::object{{"v", {{"seconds", seconds}, {"customer", customer}}}}}});
  REQUIRE_MESSAGE(started.status < 300, started.body);
  return text(started["id"]);
}

std::string status(const std::string& id) { return text(daemon().get("/executions/" + id)["status"]); }

bool becomes(const std::string& id, const std::string& what) {
  return eventually([&] { return status(id) == what; });
}

}  // namespace

TEST_CASE("with the policy queue, one runs after the other, and takes no place meanwhile") {
  const std::string workflow = limited({{"limit", 1}});
  const std::string first = start(workflow, 30), second = start(workflow, 0), third = start(workflow, 0);
  REQUIRE(becomes(first, "running"));
  REQUIRE(becomes(second, "queued"));
  REQUIRE(becomes(third, "queued"));
  CHECK(daemon().node("def f(): return 7")["output"] == 7);
  CHECK(daemon().post("/executions/" + second + "/stop").status == 200);
  CHECK(status(second) == "cancelled");
  CHECK(status(third) == "queued");
  CHECK(daemon().post("/executions/" + first + "/stop").status == 200);
  CHECK(becomes(third, "completed"));
}

TEST_CASE("with a key, only those of the same value are counted together") {
  const std::string workflow = limited({{"limit", 1}, {"key", "value['v']['customer']"}});
  const std::string first = start(workflow, 30, "a"), same = start(workflow, 0, "a"), other = start(workflow, 0, "b");
  CHECK(becomes(other, "completed"));
  CHECK(status(same) == "queued");
  CHECK(daemon().post("/executions/" + first + "/stop").status == 200);
  CHECK(becomes(same, "completed"));
  const Answer wrong =
      daemon().post("/workflows/" + workflow + "/execute", {{"input_data", json::object{{"v", json::object()}}}});
  CHECK(wrong.status == 400);
  CHECK(error_code(wrong) == "concurrency_key");
  CHECK(error_message(wrong).find("/settings/concurrency/key: KeyError") != std::string::npos);
  const std::string list = limited({{"limit", 1}, {"key", "[1]"}});
  CHECK(error_message(daemon().post("/workflows/" + list + "/execute")).find("expected a text, a number") !=
        std::string::npos);
}

TEST_CASE("with the policy skip, one too many does not run, and says why") {
  const std::string workflow = limited({{"limit", 1}, {"policy", "skip"}});
  const std::string first = start(workflow, 30);
  REQUIRE(becomes(first, "running"));
  const std::string second = start(workflow, 0);
  CHECK(becomes(second, "cancelled"));
  const Answer skipped = daemon().get("/executions/" + second);
  CHECK(text(skipped["error"]).find("it did not run: 1 of its workflow, the most that may (settings.concurrency)") !=
        std::string::npos);
  CHECK(status(first) == "running");
  CHECK(daemon().post("/executions/" + first + "/stop").status == 200);
}

TEST_CASE("with the policy cancel_running, the newest takes the place of the oldest") {
  const std::string workflow = limited({{"limit", 1}, {"policy", "cancel_running"}});
  const std::string first = start(workflow, 30);
  REQUIRE(becomes(first, "running"));
  const std::string second = start(workflow, 0);
  CHECK(becomes(second, "completed"));
  CHECK(status(first) == "cancelled");
  CHECK(text(daemon().get("/executions/" + first)["error"]).find("a newer execution of its workflow") !=
        std::string::npos);
}

TEST_CASE("what waits for its turn is still in its group after a restart") {
  const auto directory = std::make_shared<TempDir>();
  std::string workflow, waiting;
  json::object flow = chain({node("n", "import time\ndef n(s):\n    time.sleep(s)\n    return s")});
  flow["settings"] = json::object{{"concurrency", json::object{{"limit", 1}, {"key", "value['s'] > -1"}}}};
  const auto post = [&](Daemon& on, double seconds) {
    return text(on.post("/workflows/" + workflow + "/execute", {{"input_data", json::object{{"s", seconds}}}})["id"]);
  };
  const auto is = [](Daemon& on, const std::string& id, const char* what) {
    return eventually([&] { return text(on.get("/executions/" + id)["status"]) == what; });
  };
  std::string third;
  {
    Daemon first({"--drain", "0.2"}, {}, directory);
    workflow = first.store(flow);
    REQUIRE_FALSE(start_and_see(first, workflow, json::object{{"s", 60}}).empty());
    waiting = post(first, 60);
    third = post(first, 0);
    REQUIRE(is(first, waiting, "queued"));
    REQUIRE(is(first, third, "queued"));
    first.program().signal(SIGTERM);
    CHECK(first.program().wait(std::chrono::seconds(20)).code == 0);
  }
  Daemon second({}, {}, directory);
  REQUIRE(is(second, waiting, "running"));
  CHECK(is(second, third, "queued"));
  CHECK(second.post("/executions/" + waiting + "/stop").status == 200);
  CHECK(is(second, third, "completed"));
}

TEST_CASE("a rule that is none is refused with its pointer") {
  const auto refused = [](json::object concurrency) {
    json::object flow = chain({node("n", "def n(): return 1")});
    flow["settings"] = json::object{{"concurrency", std::move(concurrency)}};
    return error_message(daemon().post("/workflows", flow));
  };
  CHECK(refused({}).starts_with("/settings/concurrency/limit: expected"));
  CHECK(refused({{"limit", 0}}).starts_with("/settings/concurrency/limit: expected"));
  CHECK(refused({{"limit", 1.5}}).starts_with("/settings/concurrency/limit: expected"));
  CHECK(refused({{"limit", 1}, {"policy", "wait"}})
            .starts_with("/settings/concurrency/policy: expected \"queue\", \"skip\" or \"cancel_running\""));
  CHECK(refused({{"limit", 1}, {"key", "={{ $json.x }}"}}).find("n8n expression") != std::string::npos);
}
