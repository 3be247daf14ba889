// Operating an installation: users and tokens from the command line, configuration, reload, backup, retention, messages
// to systemd.
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

Finished command(std::vector<std::string> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), bin("qflow"));
  Program::Options options;
  options.input = input;
  return run(std::move(arguments), options);
}

}  // namespace

TEST_CASE("users and tokens from the command line, also while the server runs") {
  const TempDir directory;
  const std::string data = directory.path() + "/data";
  const Finished owner =
      command({"user", "add", "me@example.org", "--password-stdin", "--data-dir", data}, "Passw0rd-mine\n");
  CHECK(owner.code == 0);
  CHECK(has(owner.out, "The owner me@example.org was added."));
  CHECK(command({"user", "add", "me@example.org", "--password-stdin", "--data-dir", data}, "Passw0rd-mine\n").code ==
        2);
  const Finished weak = command({"user", "add", "b@example.org", "--password-stdin", "--data-dir", data}, "weak\n");
  CHECK(weak.code == 2);
  CHECK(has(weak.err, "8 to 64 characters"));
  const Finished token = command({"token", "create", "ci", "--data-dir", data});
  CHECK(token.code == 0);
  CHECK(token.out.starts_with("qf_"));
  const std::string key = token.out.substr(0, token.out.find('\n'));
  Program server({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", data});
  const std::string line = server.line(std::chrono::seconds(30));
  Connection connection(static_cast<unsigned short>(std::stoi(line.substr(line.find("127.0.0.1:") + 10))));
  const auto status = [&] { return connection.call("GET", "/me", "", "Authorization: Bearer " + key + "\r\n").status; };
  CHECK(status() == 200);
  CHECK(command({"user", "add", "b@example.org", "--role", "admin", "--password-stdin", "--data-dir", data},
                "Passw0rd-b\n")
            .code == 0);
  CHECK(has(command({"user", "list", "--data-dir", data}).out, "b@example.org"));
  const json::value keys = json::parse(command({"token", "list", "--json", "--data-dir", data}).out);
  CHECK(command({"token", "revoke", text(keys.at(0).at("id")), "--data-dir", data}).code == 0);
  CHECK(eventually([&] { return status() == 401; }));
  CHECK(command({"token", "revoke", "nope", "--data-dir", data}).code == 2);
  CHECK(command({"user", "passwd", "b@example.org", "--password-stdin", "--data-dir", data}, "Passw0rd-new\n").code ==
        0);
  CHECK(connection.call("POST", "/login", R"({"email":"b@example.org","password":"Passw0rd-new"})").status == 200);
  CHECK(command({"user", "passwd", "nobody@example.org", "--password-stdin", "--data-dir", data}, "Passw0rd-new\n")
            .code == 2);
}

TEST_CASE("the configuration is checked, shown, and read again on SIGHUP") {
  const TempDir directory;
  const std::string good = directory.file("good.toml", "[auth]\nrequests_per_hour = 3\n[log]\nlevel = \"info\"\n");
  CHECK(command({"config", "check", good}).code == 0);
  const Finished bad = command({"config", "check", directory.file("bad.toml", "[auth]\n\nrequest_per_hour = 3\n")});
  CHECK(bad.code == 2);
  CHECK(has(bad.err,
            "bad.toml:3: auth.request_per_hour: there is no such setting; did you mean auth.requests_per_hour?"));
  CHECK(has(command({"config", "show", good}).out, "requests_per_hour = 3"));
  CHECK(command({"config", "check", directory.path() + "/none.toml"}).code == 2);
  CHECK(command({"serve", "--config", directory.path() + "/bad.toml"}).code == 2);
  Daemon limited({"--config", good, "--rate-limits"});
  for (int i = 0; i < 3; ++i) CHECK(limited.get("/workflows").status == 200);
  CHECK(limited.get("/workflows").status == 429);
  std::ofstream(good) << "[auth]\nrequests_per_hour = 100\n";
  limited.program().signal(SIGHUP);
  CHECK(eventually([&] { return limited.get("/workflows").status == 200; }));
  std::ofstream(good) << "[auth]\nnonsense = 1\n";  // a wrong setting is logged and changes nothing
  limited.program().signal(SIGHUP);
  ::usleep(200'000);
  CHECK(limited.get("/workflows").status == 200);
}

TEST_CASE("a backup made under load holds everything answered before it, and can be restored") {
  Daemon daemon;
  const std::string id = daemon.store(greeting());
  const Answer secret = daemon.post("/credentials", {{"name", "c"}, {"type", "apiKey"}, {"data", {{"apiKey", "k3y"}}}});
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\nkept bytes\r\n--b--\r\n";
  const Answer file = daemon.send("POST", "/files/upload", body, "Content-Type: multipart/form-data; boundary=b\r\n");
  std::vector<std::string> ids;
  Program program({bin("qflow"), "backup", daemon.directory()->path() + "/all.backup", "--with-key", "--data-dir",
                   daemon.directory()->path() + "/data"});
  for (int i = 0; i < 20; ++i) ids.push_back(text(daemon.post("/workflows/" + id + "/execute?wait=30")["id"]));
  CHECK(program.wait(std::chrono::seconds(30)).code == 0);
  const std::string data = daemon.directory()->path() + "/restored/data";
  const Finished restored = command({"restore", daemon.directory()->path() + "/all.backup", "--data-dir", data});
  REQUIRE_MESSAGE(restored.code == 0, restored.err);
  CHECK(command({"restore", daemon.directory()->path() + "/all.backup", "--data-dir", data}).code ==
        2);  // never over existing data
  Program again({bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", data});
  const std::string line = again.line(std::chrono::seconds(30));
  Connection connection(static_cast<unsigned short>(std::stoi(line.substr(line.find("127.0.0.1:") + 10))));
  // The same key signs: tokens from before the backup are still valid.
  const auto get = [&](const std::string& path) { return connection.call("GET", path, "", daemon.authorization()); };
  CHECK(get("/workflows/" + id).status == 200);
  CHECK(get("/credentials/" + text(secret["id"])).status == 200);
  CHECK(get("/files/" + text(file["id"])).body == "kept bytes");
  CHECK(command({"restore", bin("qflow"), "--data-dir", data + "2"}).code != 0);
}

TEST_CASE("old records are deleted, and their space is given back") {
  const TempDir directory;
  const std::string config = directory.file("q.toml", "[retention]\nexecutions_days = 1\nevery_minutes = 0.001\n");
  Daemon daemon({"--config", config});
  const std::string id = daemon.store(greeting());
  const std::string kept = text(daemon.post("/workflows/" + id + "/execute?wait=30")["id"]);
  // Old records: their ids carry their time.
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((daemon.directory()->path() + "/data/qflow.db").c_str(), &db) == SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  const std::string sql =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000) INSERT INTO workflow_executions (id, "
      "workflow_id, workflow_name, status, mode, started_at, isolation_level, owner, output_data) SELECT "
      "printf('01890000-0000-7000-8000-%012x', i), 'w', 'w', 'completed', 'manual', 1, 2, 'x', "
      "json_quote(hex(zeroblob(1000))) FROM n";
  REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto number = [&](const char* query) {
    std::int64_t value = -1;
    sqlite3_exec(
        db, query,
        [](void* to, int, char** columns, char**) {
          *static_cast<std::int64_t*>(to) = std::atoll(columns[0]);
          return 0;
        },
        &value, nullptr);
    return value;
  };
  const std::int64_t pages = number("PRAGMA page_count");
  CHECK(eventually([&] { return number("SELECT count(*) FROM workflow_executions") == 1; }, std::chrono::seconds(40)));
  CHECK(eventually([&] { return number("PRAGMA page_count") < pages / 2; }, std::chrono::seconds(20)));
  CHECK(daemon.get("/executions/" + kept).status == 200);
  CHECK(number("SELECT count(*) FROM system_health") >= 1);
  CHECK(number("SELECT count(*) FROM performance_metrics") >= 5);
  sqlite3_close(db);
}

TEST_CASE("the daemon tells systemd that it serves, lives, reloads and stops") {
  const TempDir directory;
  const std::string path = directory.path() + "/notify";
  const qflow::sandbox::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Program::Options options;
  options.environment = {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "400000"}};
  Daemon daemon({}, options);
  const auto told = [&](const std::string& what) {
    for (int i = 0; i < 50; ++i) {
      char bytes[512];
      const ssize_t got = ::recv(fd.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return false;
      if (has(std::string(bytes, static_cast<std::size_t>(got)), what)) return true;
    }
    return false;
  };
  CHECK(told("READY=1"));
  CHECK(told("WATCHDOG=1"));
  daemon.program().signal(SIGHUP);
  CHECK(told("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(told("READY=1"));
  daemon.program().signal(SIGTERM);
  CHECK(told("STOPPING=1"));
  CHECK(daemon.program().wait(std::chrono::seconds(20)).code == 0);
}
