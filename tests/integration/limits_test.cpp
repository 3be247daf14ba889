// How much one user, or one reply, may take: records, files, memory, descriptors, processes, numbers that anybody sees.
#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

const char* const kLarge = "def f(): return 'x' * 900_000";

std::size_t descriptors_of(pid_t pid) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    count += entry.path().empty() ? 0U : 1U;
  return count;
}

// The most memory that a process has had, in bytes (proc(5): VmHWM).
std::size_t peak_memory(pid_t pid) {
  const std::string status = qflow::sandbox::read_file("/proc/" + std::to_string(pid) + "/status", 65536);
  return std::stoul(status.substr(status.find("VmHWM:") + 6)) * 1024;
}

}  // namespace

TEST_CASE("a user keeps so many bytes and no more, and deleting makes room") {
  const TempDir directory;
  Daemon daemon({"--config", directory.file("q.toml", "[storage]\nuser_mib = 2\n")});
  Daemon guest = daemon.as_user("guest@example.org");
  const std::string large = guest.store(chain({node("f", kLarge)}));
  std::vector<std::string> kept;
  Answer answer;
  for (int i = 0; i < 6 && (answer = guest.post("/workflows/" + large + "/execute?wait=30")).status == 200; ++i)
    kept.push_back(text(answer["id"]));
  // The workflow's output is recorded with its node and with the execution.
  REQUIRE(kept.size() >= 1);
  CHECK(kept.size() <= 3);
  CHECK(answer.status == 507);
  CHECK(error_code(answer) == "quota");
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\nbytes\r\n--b--\r\n";
  const std::string type = "Content-Type: multipart/form-data; boundary=b\r\n";
  CHECK(error_code(guest.send("POST", "/files/upload", body, type)) == "quota");
  CHECK(error_code(guest.post("/workflows", greeting())) == "quota");
  CHECK(error_code(guest.post("/nodes", {{"name", "n"}, {"code", "def f(): return 1"}})) == "quota");
  CHECK(guest.get("/usage")["kept_bytes"].to_number<double>() >= 2 << 20);
  CHECK(daemon.post("/workflows", greeting()).status == 201);  // others have room of their own
  for (const std::string& id : kept) CHECK(guest.call("DELETE", "/executions/" + id).status == 200);
  CHECK(guest.send("POST", "/files/upload", body, type).status == 201);
  CHECK(guest.post("/workflows/" + large + "/execute?wait=30").status == 200);
  CHECK(guest.get("/usage")["kept_bytes"].to_number<double>() < 2.2 * (1 << 20));
}

TEST_CASE("no way around what a user may keep") {
  const TempDir directory;
  Daemon daemon({"--config", directory.file("q.toml", "[storage]\nuser_mib = 1\n")});
  const auto kept = [&](Daemon& who) { return who.get("/usage")["kept_bytes"].to_number<std::int64_t>(); };
  json::object workflow = greeting();
  workflow["nodes"].as_array()[0].as_object()["parameters"].as_object()["notes"] = json::string(200'000, 'x');
  Daemon restorer = daemon.as_user("restorer@example.org");
  const std::string id = restorer.store(workflow);
  int restored = 0;
  while (restored < 10 && restorer.post("/workflows/" + id + "/versions/1/restore").status == 200) ++restored;
  CHECK(restored < 10);
  // Bytes are counted, not characters, and a NUL ends nothing.
  Daemon writer = daemon.as_user("writer@example.org");
  const std::string code = "def f(): return 1\n#" + std::string(1, '\0') + std::string(300'000, 'x');
  const Answer node = writer.post("/nodes", {{"name", "n"}, {"code", code}});
  if (node.status == 201) CHECK(kept(writer) >= 600'000);  // it and its version
  Daemon wide = daemon.as_user("wide@example.org");
  std::string wide_code = "def f(): return 1\n#";
  for (int i = 0; i < 50'000; ++i) wide_code += "é";
  REQUIRE(wide.post("/nodes", {{"name", "n"}, {"code", wide_code}}).status == 201);
  CHECK(kept(wide) >= 200'000);
  Daemon describer = daemon.as_user("describer@example.org");
  json::object described = greeting();
  described["description"] = json::string(700'000, 'x');
  REQUIRE(describer.post("/workflows", described).status == 201);
  CHECK(kept(describer) >= 700'000);
  // What an execution ran is kept with it, whatever becomes of the workflow.
  Daemon runner = daemon.as_user("runner@example.org");
  json::object large = greeting();
  large["nodes"].as_array()[0].as_object()["parameters"].as_object()["notes"] = json::string(300'000, 'x');
  const std::string ran = runner.store(large);
  REQUIRE(runner.post("/workflows/" + ran + "/execute?wait=30").status == 200);
  REQUIRE(runner.call("DELETE", "/workflows/" + ran).status == 200);
  CHECK(kept(runner) >= 300'000);
  // Uploads at the same time.
  Daemon sender = daemon.as_user("sender@example.org");
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n" +
                           std::string(600'000, 'x') + "\r\n--b--\r\n";
  std::vector<std::thread> senders;
  for (int i = 0; i < 6; ++i)
    senders.emplace_back([&, i] {
      Daemon own = sender.apart();
      std::string unlike = body;
      unlike[100] = static_cast<char>('a' + i);
      own.send("POST", "/files/upload", unlike, "Content-Type: multipart/form-data; boundary=b\r\n");
    });
  for (auto& one : senders) one.join();
  CHECK(kept(sender) <= 1 << 20);
  CHECK(kept(sender) >= 600'000);
}

TEST_CASE("many small values weigh more than a long string") {
  Daemon daemon;
  std::vector<json::object> nodes;
  for (int i = 0; i < 10; ++i) nodes.push_back(node("n" + std::to_string(i), "def f(): return [{}] * 60_000"));
  const Answer ran = daemon.run(flow(std::move(nodes), {}));
  const std::string id = text(ran["id"]);
  const std::size_t before = peak_memory(daemon.program().pid());
  const Answer shown = daemon.get("/executions/" + id);
  REQUIRE(shown.status == 200);
  const json::value& data = shown["data"].at("resultData").at("runData");
  std::size_t whole = 0, left_out = 0;  // they may have run beside one another, in any order
  for (const auto& [name, runs] : data.as_object()) {
    whole += runs.at(0).as_object().contains("data") ? 1 : 0;
    left_out += runs.at(0).as_object().contains("left_out") ? 1 : 0;
  }
  CHECK(whole > 0);
  CHECK(left_out > 0);
  CHECK(whole + left_out == 10);
  CHECK(peak_memory(daemon.program().pid()) - before < 400'000'000ULL * kSanitizerTimes);
}

TEST_CASE("a user's types are bounded together") {
  Daemon daemon;
  Daemon guest = daemon.as_user("guest@example.org");
  const auto define = [&](int i) {
    json::object definition{{"description", json::string(200'000, 'x')}};
    return guest.post("/types", {{"name", "T" + std::to_string(i)}, {"definition", definition}});
  };
  int defined = 0;
  while (defined < 10 && define(defined).status == 201) ++defined;
  CHECK(defined == 5);
  CHECK(error_code(define(9)) == "too_many_types");
}

TEST_CASE("waiting executions of one user do not keep others out") {
  Daemon daemon({"--max-running", "1", "--max-waiting", "5"});
  Daemon busy = daemon.as_user("busy@example.org");
  Daemon other = daemon.as_user("other@example.org");
  const std::string slow = busy.store(chain({node("slow", "import time\ndef f():\n    time.sleep(60)")}));
  int accepted = 0;
  while (accepted < 20 && busy.post("/workflows/" + slow + "/execute").status == 202) ++accepted;
  CHECK(accepted < 20);
  const std::string quick = other.store(greeting());
  CHECK(other.post("/workflows/" + quick + "/execute").status == 202);
}

TEST_CASE("a large execution is shown in part, says what is left out, and each node can be read whole") {
  Daemon daemon;
  std::vector<json::object> nodes;
  for (int i = 0; i < 40; ++i) nodes.push_back(node("n" + std::to_string(i), kLarge));
  const Answer ran = daemon.run(flow(std::move(nodes), {}));
  CHECK(ran["status"] == "completed");
  const std::string id = text(ran["id"]);
  const std::size_t before = peak_memory(daemon.program().pid());
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i)
    readers.emplace_back([&] {
      Daemon own = daemon.apart();
      const Answer answer = own.get("/executions/" + id);
      if (answer.status == 200) CHECK(answer.body.size() < 80'000'000);
      else CHECK(answer.header("Retry-After") == "1");
    });
  for (auto& reader : readers) reader.join();
  CHECK(peak_memory(daemon.program().pid()) - before < 900'000'000ULL * kSanitizerTimes);
  const Answer shown = daemon.get("/executions/" + id);
  REQUIRE(shown.status == 200);
  const json::value& data = shown["data"];
  CHECK(data.at("outputs").is_null());
  CHECK(data.at("left_out").at("bytes").to_number<double>() > 30'000'000);
  const json::value& first = data.at("resultData").at("runData").at("n0").at(0);
  CHECK(first.at("qflow").at("value").as_string().size() == 900'000);
  const json::value& last = data.at("resultData").at("runData").at("n39").at(0);
  CHECK(last.at("qflow").at("value").is_null());
  CHECK(last.at("left_out").at("bytes").to_number<double>() > 900'000);
  const Answer whole = daemon.get(text(last.at("left_out").at("get")));
  CHECK(whole["resultData"].at("runData").at("n39").at(0).at("qflow").at("value").as_string().size() == 900'000);
  CHECK(daemon.get("/executions/" + id + "/data?node=nobody").status == 404);
}

TEST_CASE("lists of large workflows are bounded, and say what they leave out") {
  Daemon daemon;
  json::object large = greeting();
  large["notes"] = json::string(5'000'000, 'x');
  for (int i = 0; i < 5; ++i) REQUIRE(daemon.post("/workflows", large).status == 201);
  const Answer list = daemon.get("/workflows");
  CHECK(list.body.size() < 20'000'000);
  const json::value& cut = list["data"].at(4);
  CHECK(cut.at("nodes").as_array().empty());
  CHECK(daemon.get(text(cut.at("left_out").at("get")))["nodes"].as_array().size() == 1);
  CHECK_FALSE(list["data"].at(0).as_object().contains("left_out"));
}

TEST_CASE("clients that have gone while they waited for a result hold nothing") {
  Daemon daemon({"--max-running", "2"});
  const std::string slow = daemon.store(chain({node("slow", "import time\ndef f():\n    time.sleep(60)")}));
  const std::size_t before = descriptors_of(daemon.program().pid());
  std::size_t most = 0;  // workers take some, too, and come and go
  {
    std::vector<std::unique_ptr<Connection>> waiting;
    for (int i = 0; i < 30; ++i) {
      waiting.push_back(std::make_unique<Connection>(daemon.port()));
      waiting.back()->send("POST /workflows/" + slow + "/execute?wait=60 HTTP/1.1\r\nHost: localhost\r\n" +
                           daemon.authorization() + "Content-Length: 2\r\n\r\n{}");
    }
    CHECK(eventually([&] { return daemon.get("/executions/active")["count"] == 30; }));
    most = descriptors_of(daemon.program().pid());
    CHECK(most >= before + 20);
  }
  CHECK(eventually([&] { return descriptors_of(daemon.program().pid()) + 20 <= most; }));
  CHECK(daemon.get("/executions/active")["count"] == 30);  // the executions go on
}

TEST_CASE("an environment that nobody uses keeps fewer workers ready") {
  Program::Options options;
  options.environment["QFLOW_ENGINE_IDLE_MINUTES"] = "0.02";
  Daemon daemon({}, options);
  const std::string id = text(daemon.post("/containers")["id"]);
  const auto processes = [&] {
    return daemon.get("/containers/" + id + "/resources")["processes"].to_number<std::int64_t>();
  };
  REQUIRE(eventually([&] { return daemon.get("/containers/" + id)["status"] == "running"; }));
  std::int64_t most = 0;
  CHECK(eventually([&] { return (most = std::max(most, processes())) >= 6; }));
  CHECK(eventually([&] { return processes() < most; }, std::chrono::seconds(15)));
  json::object in_it = greeting();
  in_it["settings"] = {{"container", id}};
  CHECK(daemon.run(in_it)["status"] == "completed");
}

TEST_CASE("numbers that anybody may read name no workflow, no node and no environment") {
  Daemon daemon;
  json::object named = greeting();
  named["nodes"].as_array()[0].as_object()["id"] = "very-private-node";
  const std::string id = text(daemon.run(named)["workflowId"]);
  const std::string own = daemon.get("/metrics").body;
  CHECK(own.find("workflow_id=\"" + id + "\"") != std::string::npos);
  const std::string seen = daemon.with_headers("").get("/metrics").body;
  CHECK(seen.find(id) == std::string::npos);
  CHECK(seen.find("very-private-node") == std::string::npos);
  CHECK(seen.find("qflow_workflow_success_rate{workflow_id=\"\"} 1") != std::string::npos);
  CHECK(seen.find("qflow_workflow_execution_duration_seconds_count") != std::string::npos);
}

TEST_CASE("a check that takes longer says which nodes it has not looked at yet") {
  Daemon daemon;
  json::object workflow = chain({node("quick", "def f() -> int: return 1"),
                                 node("slow", "import time\ntime.sleep(5)\ndef g(x: str) -> str: return x")});
  const Answer saved = daemon.post("/workflows", workflow);
  REQUIRE(saved.status == 201);
  REQUIRE(saved["findings"].as_array().size() == 1);
  const json::value& finding = saved["findings"].at(0);
  CHECK(text(finding.at("code")) == "check_incomplete");
  CHECK(text(finding.at("message")).find("\"slow\"") != std::string::npos);
  const Answer checked = daemon.post("/workflows/" + text(saved["id"]) + "/validate");
  CHECK(text(checked["findings"].at(0).at("code")) == "incompatible_types");
}
