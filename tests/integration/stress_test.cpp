// The server under clients that are slow, many, greedy or wrong, and on a host that runs out of resources.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/http.hpp"
#include "tests/support/web_socket.hpp"

using namespace qflow::test;

namespace {

// Resident memory in bytes.
std::int64_t memory_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

int connected(unsigned short port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

// Raises this process's limit and returns it, a million at most.
int allow_many_descriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return static_cast<int>(std::min<rlim_t>(files.rlim_max, 1'000'000));
}

}  // namespace

TEST_CASE("ten thousand idle connections keep nobody out, and take little memory") {
  // The daemon keeps about a thousand descriptors for itself; where the system allows fewer in all, try fewer.
  const int many = std::min(10'000, allow_many_descriptors() - 1'500);
  Daemon daemon;
  const std::int64_t before = memory_of(daemon.program().pid());
  std::vector<int> idle;
  for (int i = 0; i < many; ++i) {
    const int fd = connected(daemon.port());
    if (fd < 0) break;
    idle.push_back(fd);
  }
  CHECK(static_cast<int>(idle.size()) == many);
  CHECK(daemon.apart().get("/workflows").status == 200);
  const std::int64_t grown = memory_of(daemon.program().pid()) - before;
  MESSAGE(many, " idle connections took ", grown >> 20, " MiB");
  if (std::getenv("QFLOW_TEST_SLOWER") == nullptr) CHECK(grown < (200LL << 20) * kSanitizerTimes);
  for (const int fd : idle) ::close(fd);
  CHECK(daemon.run(greeting())["status"] == "completed");
}

TEST_CASE("a thousand WebSocket clients, of which some never read") {
  allow_many_descriptors();
  Daemon daemon;
  const std::string id =
      daemon.store(chain({node("chatty", "def chatty():\n    for i in range(2000): print('x' * 400)\n    return 1")}));
  std::vector<std::unique_ptr<WebSocket>> reading, deaf;
  for (int i = 0; i < 900; ++i)
    reading.push_back(std::make_unique<WebSocket>(daemon.port(), "/ws/executions", daemon.authorization()));
  for (int i = 0; i < 100; ++i)
    deaf.push_back(std::make_unique<WebSocket>(daemon.port(), "/ws/executions", daemon.authorization()));
  for (const auto& socket : reading) REQUIRE(socket->status() == 101);
  const Answer done = daemon.post("/workflows/" + id + "/execute?wait=60");
  CHECK(done["status"] == "completed");
  int completed = 0;
  for (const auto& socket : reading) completed += socket->next("execution.completed").is_object() ? 1 : 0;
  CHECK(completed == 900);
  // For clients that never read, messages wait within bounds, or the client is dropped.
  for (int i = 0; i < 20; ++i) daemon.post("/workflows/" + id + "/execute?wait=60");
  const std::int64_t memory = memory_of(daemon.program().pid());
  MESSAGE("the daemon holds ", memory >> 20, " MiB");
  CHECK(memory < 1500LL << 20);
  CHECK(daemon.get("/health").status == 200);
}

TEST_CASE("slow clients do not hold up others") {
  Daemon daemon;
  std::vector<int> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(connected(daemon.port()));
    const std::string half = "POST /workflows HTTP/1.1\r\nHost: localhost\r\nContent-Len";
    ::send(slow.back(), half.data(), half.size(), MSG_NOSIGNAL);
  }
  for (int i = 0; i < 50; ++i) CHECK(daemon.get("/workflows").status == 200);
  // A client that asks for much and reads nothing.
  const Answer big = daemon.node("def f(): return 'x' * 4_000_000");
  CHECK(big.status == 200);
  Connection deaf(daemon.port());
  const std::string body = R"({"code":"def f(): return 'x' * 4_000_000"})";
  for (int i = 0; i < 5; ++i)
    deaf.send(fmt::format("POST /nodes/python/execute HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                          daemon.authorization(), body.size(), body));
  for (int i = 0; i < 20; ++i) CHECK(daemon.get("/workflows").status == 200);
  for (const int fd : slow) ::close(fd);
}

TEST_CASE("bodies at and over the limit") {
  Daemon daemon({"--max-body", "1"});
  const auto sized = [](std::size_t size) {
    const std::string start = R"({"name":"x","description":")";
    return start + std::string(size - start.size() - 2, 'x') + "\"}";
  };
  CHECK(daemon.send("POST", "/workflows", sized(1 << 20)).status == 201);
  CHECK(daemon.send("POST", "/workflows", sized((1 << 20) + 1)).status == 413);
  Connection chunked(daemon.port());
  chunked.send("POST /workflows HTTP/1.1\r\nHost: localhost\r\n" + daemon.authorization() +
               "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.send("80000\r\n" + std::string(0x80000, 'x') + "\r\n");
  chunked.send("0\r\n\r\n");
  CHECK(chunked.receive().status == 413);
  CHECK(daemon.get("/workflows").status == 200);
}

TEST_CASE("requests that are malformed, smuggled or cut off") {
  Daemon daemon;
  const std::string head = "Host: localhost\r\n" + daemon.authorization();
  const std::vector<std::string> corpus{
      "\r\n\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/1.1\n\n",
      "GET / HTTP/3.0\r\n" + head + "\r\n",
      "GET /workflows HTTP/1.1\r\n" + head + " folded: x\r\n\r\n",
      "GET /a b HTTP/1.1\r\n" + head + "\r\n",
      "G\x01T / HTTP/1.1\r\n" + head + "\r\n",
      std::string("GET /\0 HTTP/1.1\r\n", 17) + head + "\r\n",
      "GET /%00 HTTP/1.1\r\n" + head + "\r\n",
      "GET /%f HTTP/1.1\r\n" + head + "\r\n",
      "GET /../../etc/passwd HTTP/1.1\r\n" + head + "\r\n",
      "GET //workflows HTTP/1.1\r\n" + head + "\r\n",
      "POST /workflows HTTP/1.1\r\n" + head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /workflows HTTP/1.1\r\n" + head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
      "POST /workflows HTTP/1.1\r\n" + head + "Content-Length: +2\r\n\r\n{}",
      "POST /workflows HTTP/1.1\r\n" + head + "Content-Length: 99999999999999999999\r\n\r\n{}",
      "POST /workflows HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST /workflows HTTP/1.1\r\n" + head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST /workflows HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      "POST /workflows HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      std::string(70'000, 'A'),
      "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n" + head + "\r\n"};
  for (const std::string& bytes : corpus) {
    CAPTURE(bytes.substr(0, 60));
    Connection connection(daemon.port());
    connection.send(bytes);
    connection.finish_sending();
    const Answer answer = connection.receive();
    CHECK((answer.status == 0 || answer.status >= 400));
  }
  // A second request hidden in the body of the first is not answered.
  Connection smuggler(daemon.port());
  smuggler.send("POST /workflows HTTP/1.1\r\n" + head +
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /me HTTP/1.1\r\n" + head + "\r\n");
  CHECK(smuggler.receive().status == 400);
  CHECK(smuggler.receive().status == 0);
  // Many requests at once on one connection are answered in order.
  Connection pipeline(daemon.port());
  std::string many;
  for (int i = 0; i < 100; ++i) many += fmt::format("GET /{} HTTP/1.1\r\n{}\r\n", i % 2 == 0 ? "health" : "nope", head);
  pipeline.send(many);
  for (int i = 0; i < 100; ++i) CHECK(pipeline.receive().status == (i % 2 == 0 ? 200 : 404));
  // A body that never arrives in full.
  {
    Connection half(daemon.port());
    half.send("POST /workflows HTTP/1.1\r\n" + head + "Content-Length: 1000\r\n\r\n{\"name\":");
  }
  CHECK(daemon.get("/health").status == 200);
}

TEST_CASE("a full disk: writes are refused with a reason, nothing is lost, and the daemon goes on when there is room") {
  const auto directory = std::make_shared<TempDir>();
  const std::string data = directory->path() + "/data";
  std::filesystem::create_directory(data);
  if (::mount("tmpfs", data.c_str(), "tmpfs", 0, "size=4m") != 0) return;  // not root: covered on other hosts
  {
    Daemon daemon({}, {}, directory);
    const std::string kept = daemon.store(greeting());
    const std::string ballast = data + "/ballast";
    {
      std::ofstream out(ballast, std::ios::binary);
      const std::string block(4096, 'x');
      while (out.write(block.data(), 4096) && out.flush()) {
      }
    }
    json::object large = greeting();
    large["description"] = std::string(200'000, 'x');
    Answer refused;
    std::vector<std::string> stored;
    for (int i = 0; i < 50 && refused.status != 507; ++i) {
      refused = daemon.post("/workflows", large);
      if (refused.status == 201) stored.push_back(text(refused["id"]));
    }
    CHECK(refused.status == 507);
    CHECK(error_code(refused) == "storage");
    CHECK(daemon.get("/workflows/" + kept).status == 200);
    CHECK(daemon.get("/health").status == 503);
    for (const std::string& id : stored) CHECK(daemon.get("/workflows/" + id).status == 200);
    std::filesystem::remove(ballast);
    CHECK(daemon.post("/workflows", greeting()).status == 201);
    CHECK(daemon.get("/health").status == 200);
    CHECK(daemon.run(greeting())["status"] == "completed");
    daemon.program().signal(SIGTERM);
    daemon.program().wait(std::chrono::seconds(20));
  }
  ::umount2(data.c_str(), MNT_DETACH);
}

TEST_CASE("a database that is locked, damaged or from a newer release") {
  const auto directory = std::make_shared<TempDir>();
  const std::string path = directory->path() + "/data/qflow.db";
  {
    Daemon daemon({}, {}, directory);
    const std::string kept = daemon.store(greeting());
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);  // the daemon may be writing just now
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    Answer waited;
    std::thread writer([&] { waited = daemon.apart().post("/workflows", greeting()); });
    CHECK(daemon.get("/workflows/" + kept).status == 200);  // reading goes on
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    writer.join();
    CHECK(waited.status == 201);
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    const Answer refused = daemon.post("/workflows", greeting());
    CHECK(refused.status == 503);
    CHECK(error_code(refused) == "database_locked");
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(db);
    CHECK(daemon.post("/workflows", greeting()).status == 201);
    // Stop while writes wait: they are finished or refused, nothing breaks.
    sqlite3_open(path.c_str(), &db);
    sqlite3_busy_timeout(db, 5000);
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    std::vector<std::thread> waiting;
    for (int i = 0; i < 5; ++i)
      waiting.emplace_back([&] {
        try {
          daemon.apart().post("/workflows", greeting());
        } catch (const std::exception&) {
          // cut off by the stop
        }
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    daemon.program().signal(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(db);
    for (auto& client : waiting) client.join();
    CHECK(daemon.program().wait(std::chrono::seconds(30)).code == 0);
  }
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_exec(db, "PRAGMA user_version = 999", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto start = [&] {
    return run({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", directory->path() + "/data"});
  };
  const Finished newer = start();
  CHECK(newer.code == 2);
  CHECK(newer.err.find("made by a newer qflow") != std::string::npos);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << std::string(50'000, 'q');
  const Finished damaged = start();
  CHECK(damaged.code == 2);
  CHECK(damaged.err.find("qflow.db") != std::string::npos);
}

TEST_CASE("everything that was answered survives kill -9") {
  const auto directory = std::make_shared<TempDir>();
  std::vector<std::string> workflows, executions;
  for (int round = 0; round < 3; ++round) {
    Daemon daemon({}, {}, directory);
    for (const std::string& id : workflows) REQUIRE(daemon.get("/workflows/" + id).status == 200);
    for (const std::string& id : executions) REQUIRE(daemon.get("/executions/" + id)["status"] == "completed");
    std::mutex mutex;
    std::atomic<bool> stop{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i)
      clients.emplace_back([&] {
        Daemon own = daemon.apart();
        while (!stop) try {
            const Answer stored = own.post("/workflows", greeting());
            if (stored.status != 201) break;
            const Answer ran = own.post("/workflows/" + text(stored["id"]) + "/execute?wait=30");
            const std::lock_guard lock(mutex);
            workflows.push_back(text(stored["id"]));
            if (ran.status == 200 && ran["status"] == "completed") executions.push_back(text(ran["id"]));
          } catch (const std::exception&) {
            break;  // cut off in the middle of an answer
          }
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    daemon.program().signal(SIGKILL);
    stop = true;
    for (auto& client : clients) client.join();
    daemon.program().wait(std::chrono::seconds(10));
  }
  CHECK(executions.size() > 5);
  Daemon daemon({}, {}, directory);
  for (const std::string& id : workflows) CHECK(daemon.get("/workflows/" + id).status == 200);
  for (const std::string& id : executions) CHECK(daemon.get("/executions/" + id)["status"] == "completed");
  CHECK(daemon.get("/executions/active")["results"].as_array().empty());
}

TEST_CASE("the clock jumps: nothing waits, expires or sorts wrongly because of it") {
  constexpr const char* kFaketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  if (!std::filesystem::exists(kFaketime)) {
    MESSAGE("skipped: the package faketime is not installed");
    return;
  }
  const TempDir clock;
  const std::string offset = clock.file("offset", "+0");
  Program::Options options;
  options.environment = {{"LD_PRELOAD", kFaketime},
                         {"FAKETIME_TIMESTAMP_FILE", offset},
                         {"FAKETIME_NO_CACHE", "1"},
                         {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
                         {"ASAN_OPTIONS", "verify_asan_link_order=0"}};  // under the preset debug
  Daemon daemon({}, options);
  const auto jump = [&](const char* to) { std::ofstream(offset) << to; };
  const std::string id = daemon.store(greeting());
  std::vector<std::string> executions;
  // An hour ahead, a day back, two days ahead: a session of a week holds.
  for (const char* to : {"+0", "+1h", "-1d", "+2d", "+0"}) {
    jump(to);
    const Answer done = daemon.post("/workflows/" + id + "/execute?wait=30");
    CHECK(done["status"] == "completed");
    CHECK(done["duration"].to_number<double>() >= 0);
    CHECK(done["duration"].to_number<double>() < 10'000);
    executions.push_back(text(done["id"]));
  }
  CHECK(std::is_sorted(executions.begin(), executions.end()));
  CHECK(daemon.get("/executions")["results"].at(0).at("id") == json::value(executions.back()));
  jump("+30d");  // now the session has ended
  CHECK(eventually([&] { return daemon.get("/me").status == 401; }));
  jump("+0");
}

TEST_CASE("few descriptors: connections wait or are refused, executions go on") {
  Program::Options options;
  options.descriptors = 1200;
  Daemon daemon({}, options);
  allow_many_descriptors();
  std::vector<int> held;
  for (int i = 0; i < 1500; ++i)
    if (const int fd = connected(daemon.port()); fd >= 0) held.push_back(fd);
  CHECK(daemon.run(greeting())["status"] == "completed");
  for (const int fd : held) ::close(fd);
  CHECK(eventually([&] { return daemon.apart().get("/health").status == 200; }));
}
