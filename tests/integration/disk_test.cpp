// A disk that fails while things are written: whatever is answered is true afterwards, and the daemon goes on.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

// A daemon whose disk fails on demand.
struct OnFaultyDisk {
  explicit OnFaultyDisk(std::vector<std::string> arguments = {})
      : directory(std::make_shared<TempDir>()), daemon(std::move(arguments), options(), directory) {}
  void fault(const std::string& kind) const {
    // Replaced as a whole: a half-written name would be another fault.
    std::ofstream(directory->path() + "/fault.new") << kind;
    std::filesystem::rename(directory->path() + "/fault.new", directory->path() + "/fault");
  }
  Program::Options options() const {
    Program::Options out;
    out.environment["LD_PRELOAD"] = bin("libqflow-faulty-disk.so");
    out.environment["QFLOW_FAULTY_DISK"] = directory->path() + "/data";
    out.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0";  // under the preset debug
    out.environment["QFLOW_FAULT"] = directory->path() + "/fault";
    return out;
  }
  std::shared_ptr<TempDir> directory;
  Daemon daemon;
};

// Something that is written: how, and whether it is there.
struct WritePath {
  std::string name;
  std::function<Answer(Daemon&)> write;
  std::function<bool(Daemon&)> is_there;
};

bool mentions(Daemon& daemon, const std::string& path, const std::string& what) {
  return daemon.get(path).body.find(what) != std::string::npos;
}

std::vector<WritePath> write_paths(Daemon& daemon, const std::string& tag) {
  const auto stored = [&](const char* name) {
    json::object workflow = greeting();
    workflow["name"] = name + tag;
    return daemon.store(workflow);
  };
  const std::string changed = stored("changed"), activated = stored("activated"), deleted = stored("deleted"),
                    run = stored("run"), hooked = stored("hooked");
  const std::string ran = text(daemon.post("/workflows/" + run + "/execute?wait=30")["id"]);
  const std::string form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + tag +
                           ".txt\"\r\n\r\nbytes of " + tag + "\r\n--b--\r\n";
  const std::string me = text(daemon.get("/me")["id"]);
  return {{"a workflow is made",
           [=](Daemon& d) {
             return d.post("/workflows", {{"name", "made" + tag}, {"nodes", json::array()}});
           },
           [=](Daemon& d) { return mentions(d, "/workflows?take=250", "made" + tag); }},
          {"a workflow is changed",
           [=](Daemon& d) {
             return d.call("PATCH", "/workflows/" + changed, {{"description", tag}});
           },
           [=](Daemon& d) { return text(d.get("/workflows/" + changed)["description"]) == tag; }},
          {"a workflow is activated", [=](Daemon& d) { return d.post("/workflows/" + activated + "/activate"); },
           [=](Daemon& d) { return d.get("/workflows/" + activated)["active"] == true; }},
          {"a workflow is deleted", [=](Daemon& d) { return d.call("DELETE", "/workflows/" + deleted); },
           [=](Daemon& d) { return d.get("/workflows/" + deleted).status == 404; }},
          {"an execution starts", [=](Daemon& d) { return d.post("/workflows/" + hooked + "/execute"); },
           [=](Daemon& d) { return d.get("/executions?workflowId=" + hooked)["count"] == 1; }},
          {"an execution is deleted", [=](Daemon& d) { return d.call("DELETE", "/executions/" + ran); },
           [=](Daemon& d) { return d.get("/executions/" + ran).status == 404; }},
          {"a library node is made",
           [=](Daemon& d) {
             return d.post("/nodes", {{"name", "node" + tag}, {"code", "def f(): return 1"}});
           },
           [=](Daemon& d) { return mentions(d, "/nodes?search=node" + tag, "node" + tag); }},
          {"a type is made",
           [=](Daemon& d) {
             return d.post("/types", {{"name", "Type" + tag}, {"definition", json::object()}});
           },
           [=](Daemon& d) { return d.get("/types/Type" + tag).status == 200; }},
          {"a tag is made",
           [=](Daemon& d) {
             return d.post("/tags", {{"name", "tag" + tag}});
           },
           [=](Daemon& d) { return mentions(d, "/tags", "tag" + tag); }},
          {"a folder is made",
           [=](Daemon& d) {
             return d.post("/projects/personal/folders", {{"name", "folder" + tag}});
           },
           [=](Daemon& d) { return mentions(d, "/projects/personal/folders", "folder" + tag); }},
          {"a credential is made",
           [=](Daemon& d) {
             return d.post("/credentials", {{"name", "secret" + tag}, {"type", "apiKey"}, {"data", {{"apiKey", "k"}}}});
           },
           [=](Daemon& d) { return mentions(d, "/credentials", "secret" + tag); }},
          {"a webhook is made",
           [=](Daemon& d) {
             return d.post("/webhooks", {{"workflowId", hooked}, {"path", "hook" + tag}});
           },
           [=](Daemon& d) { return mentions(d, "/webhooks", "hook" + tag); }},
          {"a file is uploaded",
           [=](Daemon& d) {
             return d.send("POST", "/files/upload", form, "Content-Type: multipart/form-data; boundary=b\r\n");
           },
           [=](Daemon& d) { return mentions(d, "/files", tag + ".txt"); }},
          {"a user is made",
           [=](Daemon& d) {
             return d.post("/users", {{"email", tag + "@example.org"}, {"password", kPassword}});
           },
           [=](Daemon& d) { return mentions(d, "/users?take=100", tag + "@example.org"); }},
          {"a key is made",
           [=](Daemon& d) {
             return d.post("/api-keys", {{"name", "key" + tag}});
           },
           [=](Daemon& d) { return mentions(d, "/api-keys", "key" + tag); }},
          {"a user's settings change",
           [=](Daemon& d) {
             return d.call("PATCH", "/users/" + me + "/settings", {{"tag", tag}});
           },
           [=](Daemon& d) { return text(d.get("/users/" + me + "/settings")["tag"]) == tag; }}};
}

// Writes everything at the same time; what was answered is what is there once the disk works again.
// Returns how many were refused.
int write_all(Daemon& daemon, const std::string& tag, const std::function<void()>& begin,
              const std::function<void()>& end) {
  const std::vector<WritePath> paths = write_paths(daemon, tag);
  std::vector<Answer> answers(paths.size());
  begin();
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < paths.size(); ++i)
    writers.emplace_back([&, i] {
      Daemon own = daemon.apart();
      answers[i] = paths[i].write(own);
    });
  for (auto& writer : writers) writer.join();
  end();
  // The first write after a full disk finds out that there is room again.
  CHECK(eventually([&] { return daemon.post("/tags", {{"name", "after" + tag}}).status != 507; }));
  int refused = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    INFO(tag << ": " << paths[i].name << ": " << answers[i].status << " " << answers[i].body);
    const bool done = answers[i].status >= 200 && answers[i].status < 300;
    if (done) {
      CHECK(paths[i].is_there(daemon));
      continue;
    }
    ++refused;
    const std::string code = error_code(answers[i]);
    CHECK((code == "storage" || code == "storage_uncertain" || code == "database_locked"));
    CHECK((answers[i].status == 507 || answers[i].status == 503));
    if (code != "storage_uncertain") CHECK_FALSE(paths[i].is_there(daemon));
  }
  CHECK(daemon.run(greeting())["status"] == "completed");
  CHECK(daemon.get("/health")["status"] == "healthy");
  return refused;
}

}  // namespace

TEST_CASE("whatever is written while the disk fails: the answer is true") {
  OnFaultyDisk on;
  for (const char* kind : {"enospc", "eio", "eio-sync", "slow-sync"}) {
    const std::string tag = std::string(kind) == "eio-sync" ? "sync" : std::string(kind) == "slow-sync" ? "slow" : kind;
    write_all(
        on.daemon, tag, [&] { on.fault(kind); }, [&] { on.fault(""); });
  }
}

TEST_CASE("whatever is written while another process holds the lock: the answer is true") {
  Daemon daemon;
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((daemon.directory()->path() + "/data/qflow.db").c_str(), &db) == SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  const int refused = write_all(
      daemon, "busy", [&] { REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK); },
      [&] { sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr); });
  sqlite3_close(db);
  CHECK(refused == 16);
}

TEST_CASE("an execution that ends while the disk fails has its end, and every node, once it works again") {
  OnFaultyDisk on;
  const std::string id = on.daemon.store(chain({node("a", "def a(): return 'kept'"),
                                                node("b", "import time\ndef b(x):\n    time.sleep(0.5)\n    return x"),
                                                node("c", "def c(x): return x + '!'")}));
  CHECK(on.daemon.post("/workflows/" + id + "/execute?wait=30")["status"] == "completed");
  for (const char* kind : {"enospc", "eio", "eio-sync"}) {
    INFO(std::string(kind));
    const std::string execution = text(on.daemon.post("/workflows/" + id + "/execute")["id"]);
    ::usleep(200'000);
    on.fault(kind);
    ::usleep(1'500'000);
    on.fault("");
    Answer ended;
    REQUIRE(eventually([&] { return (ended = on.daemon.get("/executions/" + execution))["status"] == "completed"; },
                       std::chrono::seconds(30)));
    const json::object& nodes = ended["data"].at("resultData").at("runData").as_object();
    CHECK(nodes.size() == 3);
    CHECK(ended["data"].at("outputs").at("c") == "kept!");
  }
}

TEST_CASE("what was accepted while there was no place runs, though the disk fails when its turn comes") {
  OnFaultyDisk on({"--max-running", "1"});
  const std::string id =
      on.daemon.store(chain({node("slow", "import time\ndef f(x=0):\n    time.sleep(0.1)\n    return x")}));
  for (const char* kind : {"enospc", "eio"}) {
    INFO(std::string(kind));
    std::vector<std::string> accepted;
    for (int i = 0; i < 12; ++i)
      accepted.push_back(text(on.daemon.post("/workflows/" + id + "/execute", {{"input_data", {{"x", i}}}})["id"]));
    on.fault(kind);
    ::usleep(2'000'000);
    on.fault("");
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      Answer ended;
      REQUIRE(eventually([&] { return (ended = on.daemon.get("/executions/" + accepted[i]))["status"] == "completed"; },
                         std::chrono::seconds(30)));
      CHECK(ended["data"].at("outputs").at("slow") == i);
    }
  }
}
