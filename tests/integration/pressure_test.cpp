// Many requests at once, too many of them, or requests at the wrong moment.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

/// The number of a daemon's zygotes.
std::size_t processes_of(Daemon& daemon) {
  const std::string monitor = run({"pgrep", "-P", std::to_string(daemon.program().pid())}).out;
  std::size_t count = 0;
  for (const char c : monitor) count += c == '\n' ? 1U : 0U;
  return count;
}

}  // namespace

TEST_CASE("an execution that waits for its turn can be stopped") {
  Daemon daemon({"--max-running", "1"});
  const std::string slow = daemon.store(chain({node("slow", "import time\ndef slow():\n    time.sleep(60)")}));
  const std::string first = text(daemon.post("/workflows/" + slow + "/execute")["id"]);
  const std::string second = text(daemon.post("/workflows/" + slow + "/execute")["id"]);
  CHECK(daemon.call("DELETE", "/executions/" + second).status == 409);
  CHECK(text(daemon.get("/executions/" + second)["status"]) == "queued");
  CHECK(text(daemon.post("/executions/" + second + "/stop")["status"]) == "cancelled");
  CHECK(text(daemon.post("/executions/" + first + "/stop")["status"]) == "cancelled");
  CHECK(daemon.call("DELETE", "/executions/" + first).status == 200);
  CHECK(daemon.node("def f(): return 7")["output"] == 7);
}

TEST_CASE("SIGTERM while files are being stored: the record is complete and the client gets its answer") {
  auto directory = std::make_shared<TempDir>();
  std::vector<std::string> ids;
  std::atomic<int> answered{0};
  {
    Daemon first({}, {}, directory);
    const std::string id = first.store(
        chain({node("w", "from pathlib import Path\ndef w():\n    Path('x.bin').write_bytes(b'x' * " +
                             std::to_string(30'000'000 / kSanitizerTimes) + ")\n    return Path('x.bin')")}));
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
      clients.emplace_back([&] {
        Connection connection(first.port());
        if (connection.call("POST", "/workflows/" + id + "/execute?wait=30", "{}", first.authorization()).status == 200)
          ++answered;
      });
    ::usleep(450'000);
    first.program().signal(SIGTERM);
    for (auto& client : clients) client.join();
    CHECK(first.program().wait(std::chrono::seconds(60)).code == 0);
  }
  CHECK(answered == 4);
  Daemon second({}, {}, directory);
  const Answer list = second.get("/executions");
  CHECK(list["results"].as_array().size() == 4);
  for (const auto& row : list["results"].as_array()) CHECK(text(row.at("status")) == "completed");
}

TEST_CASE("concurrent changes to different members both survive") {
  Daemon daemon;
  const std::string id = daemon.store(chain({node("a", "def a(): pass")}));
  for (int round = 0; round < 10; ++round) {
    const std::string value = std::to_string(round);
    const auto change = [&](const char* member) {
      Connection connection(daemon.port());
      connection.call("PATCH", "/workflows/" + id, json::serialize(json::object{{member, value}}),
                      daemon.authorization());
    };
    std::thread one(change, "name"), two(change, "description");
    one.join();
    two.join();
    const Answer now = daemon.get("/workflows/" + id);
    CHECK(text(now["name"]) == value);
    CHECK(text(now["description"]) == value);
  }
}

TEST_CASE("an argument too large for a frame is refused by name, and costs no worker") {
  Daemon daemon;
  std::string numbers = "[0.1";
  for (int i = 0; i < 3'500'000; ++i) numbers += ",0.1";
  const std::string body = R"({"code":"def f(x): return 1","input_data":{"x":)" + numbers + "]}}";
  Connection connection(daemon.port());
  for (int i = 0; i < 4; ++i) {
    const Answer answer = connection.call("POST", "/nodes/python/execute", body, daemon.authorization());
    CHECK(answer.status == 200);
    CHECK(has(text(answer["error"]), "InputTooLarge"));
  }
  CHECK(daemon.get("/health")["checks"].at("python_environments").at("running") == 0);
  CHECK(daemon.node("def f(): return 7")["output"] == 7);
}

TEST_CASE("output that is not UTF-8, or is cut within a character, does not make the answer invalid") {
  Daemon daemon;
  const Answer cut = daemon.node("def f():\n    print('a' + 'é' * 600_000)\n    return 1");
  CHECK(cut["output"] == 1);
  CHECK(cut["stdout"].as_string().size() <= 1U << 20U);
  CHECK(cut["stdout"].as_string().ends_with("é"));
  const Answer raw = daemon.node("import sys\ndef f():\n    sys.stdout.buffer.write(b'x\\xff\\xfey')\n    return 1");
  CHECK(text(raw["stdout"]) == "x\uFFFD\uFFFDy");
}

TEST_CASE("a worker that claims to have skipped its call is not believed") {
  Daemon daemon;
  const Answer answer = daemon.node(
      "import os, struct\ndef f():\n    m = b'{\"because\":1}'\n    os.write(3, struct.pack('<IIII', 12 + len(m), 36, "
      "2, len(m)) + m)\n    return 1");
  CHECK(answer["success"] == false);
  CHECK(has(text(answer["error"]), "ProtocolViolation"));
}

TEST_CASE("a worker that sends more than was asked for is ended, and the daemon stays small") {
  Daemon daemon;
  const std::string forge =
      "import os, struct, json\ndef f():\n    m = json.dumps({'type': 'list', 'preview': '[' + '0,' * 3_000_000 + "
      "'0]', 'exact': True, 'truncated': False, 'duration_us': 1, 'files': [], 'warnings': []}).encode()\n    data = "
      "struct.pack('<IIII', 12 + len(m), 34, 2, len(m)) + m\n    while data: data = data[os.write(3, data):]\n    "
      "return 1";
  CHECK(has(text(daemon.node(forge)["error"]), "ProtocolViolation"));
  std::vector<json::object> nodes;
  for (int i = 0; i < 1000; ++i)
    nodes.push_back(node("n" + std::to_string(i), "def f(): raise Exception('x' * 65536)"));
  const Answer done = daemon.run(flow(std::move(nodes), {}));
  CHECK(text(done["status"]) == "failed");
  CHECK(done.body.size() < 40'000'000);
}

TEST_CASE("endless connections leave room for the work, and failing forks of workers are not retried without pause") {
  // Few descriptors for the daemon: it keeps some for itself.
  Daemon daemon({}, [] {
    Program::Options options;
    options.descriptors = 1024;
    return options;
  }());
  std::vector<std::unique_ptr<Connection>> idle;
  for (int i = 0; i < 1100; ++i) idle.push_back(std::make_unique<Connection>(daemon.port()));
  // A new client is let in at the cost of silent ones.
  CHECK(Connection(daemon.port()).call("GET", "/health").status == 200);
  int worked = 0;
  for (int i = 0; i < 5; ++i) worked += daemon.node("def f(): return 7")["output"] == 7 ? 1 : 0;
  CHECK(worked == 5);
  CHECK(processes_of(daemon) == 1);
  idle.clear();
  CHECK(eventually([&] { return daemon.node("def f(): return 7")["output"] == 7; }));
  daemon.program().signal(SIGTERM);
  CHECK(daemon.program().wait(std::chrono::seconds(20)).err.size() < 100'000);
}

TEST_CASE("a thousand nodes in a row, and a thousand independent ones") {
  Daemon daemon;
  std::vector<json::object> row, beside;
  for (int i = 0; i < 1000; ++i) {
    row.push_back(node("n" + std::to_string(i), i == 0 ? "def f(): return 0" : "def f(x): return x + 1"));
    beside.push_back(node("n" + std::to_string(i), "def f(): return 1"));
  }
  CHECK(daemon.run(chain(std::move(row)))["data"].at("outputs").at("n999") == 999);
  CHECK(daemon.run(flow(std::move(beside), {}))["data"].at("outputs").as_object().size() == 1000);
}
