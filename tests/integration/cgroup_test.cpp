// What cgroup v2 adds on a service with level 3. Skipped here: packaging/vm-test runs these tests inside its machine,
// against the service and as root, which can read the service's cgroup.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <filesystem>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

const std::string kWorkers = "/sys/fs/cgroup/system.slice/qflow.service/workers";

std::string cgroup_file(const std::string& leaf, const char* name) {
  std::string text = qflow::sandbox::read_file(kWorkers + "/" + leaf + "/" + name, 4096);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<std::string> leaves() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kWorkers))
    if (entry.is_directory() && entry.path().filename() != "zygotes") found.push_back(entry.path().filename());
  return found;
}

json::value record_of(Daemon& daemon, const std::string& code, json::object more) {
  const std::string id = daemon.store(chain({node("n", code, std::move(more))}));
  const Answer started = daemon.post("/workflows/" + id + "/execute?wait=200");
  return daemon.get("/executions/" + std::string(started["id"].as_string())).parsed();
}

double member(const json::value& record, const char* name) {
  return record.at("resource_usage").at(name).to_number<double>();
}

}  // namespace

TEST_CASE("level 3: the record says so, and that nothing is missing" * doctest::skip()) {
  Daemon daemon;
  const json::value record = record_of(daemon, "def n(): return 1", {});
  CHECK(record.at("isolation").at("level") == 3);
  CHECK(record.at("isolation").at("missing") == json::array());
  CHECK(record.at("outcome") == "completed");
  CHECK(record.at("sandbox").at(0).at("memory") == 512 << 20);
}

TEST_CASE("level 3: a spare has the installation's limits, a worker forked on demand its own" * doctest::skip()) {
  Daemon daemon;
  REQUIRE(eventually([] { return leaves().size() >= 3; }));
  const std::string spare = leaves().front();
  CHECK(cgroup_file(spare, "memory.max") == std::to_string((512U + 32U) << 20U));
  CHECK(cgroup_file(spare, "pids.max") == "64");
  CHECK(cgroup_file(spare, "cpu.max") == "50000 100000");
  CHECK(cgroup_file(spare, "memory.oom.group") == "1");
  CHECK(cgroup_file(spare, "pids.current") == "1");
  const std::string id =
      daemon.store(chain({node("n", "import time\ndef n(): time.sleep(20)",
                               {{"sandbox", {{"memory", "64 MiB"}, {"processes", 7}, {"cpu", 0.2}}}})}));
  const std::string execution(daemon.post("/workflows/" + id + "/execute")["id"].as_string());
  std::string own;
  CHECK(eventually([&] {
    for (const std::string& leaf : leaves())
      if (cgroup_file(leaf, "pids.max") == "7") own = leaf;
    return !own.empty();
  }));
  CHECK(cgroup_file(own, "memory.max") == std::to_string((64U + 32U) << 20U));
  CHECK(cgroup_file(own, "cpu.max") == "20000 100000");
  CHECK(daemon.post("/executions/" + execution + "/stop").status == 200);
  CHECK(eventually([&] { return !std::filesystem::exists(kWorkers + "/" + own); }));
}

TEST_CASE("level 3: memory.max limits the memory of all processes together" * doctest::skip()) {
  Daemon daemon;
  const json::value record = record_of(daemon, R"(
import os, time
def n():
    for _ in range(6):
        if os.fork() == 0:
            block = bytearray(40_000_000)
            for at in range(0, len(block), 4096):
                block[at] = 1
            time.sleep(60)
    time.sleep(60))",
                                       {{"sandbox", {{"memory", "96 MiB"}}}, {"timeout", 100}});
  CHECK_MESSAGE(record.at("outcome") == "memory_limit", json::serialize(record));
  CHECK(member(record, "peak_memory_bytes") > 90e6);
  CHECK(member(record, "peak_memory_bytes") < 140e6);
}

TEST_CASE("level 3: files in /tmp count as memory too" * doctest::skip()) {
  Daemon daemon;
  const json::value record = record_of(daemon, R"(
import time
def n():
    for path in ("/tmp/x", "/dev/shm/x", "/node/x"):
        with open(path, "wb") as f:
            for _ in range(60):
                f.write(b"x" * 1_000_000))",
                                       {{"sandbox", {{"memory", "64 MiB"}}}, {"timeout", 100}});
  CHECK_MESSAGE(record.at("outcome") == "memory_limit", json::serialize(record));
}

TEST_CASE("level 3: a busy node is slowed down, not ended" * doctest::skip()) {
  Daemon daemon;
  // Four busy processes for four seconds with a quarter of a processor: one second of work.
  const json::value record = record_of(daemon, R"(
import os, time
def n():
    until = time.monotonic() + 4
    for _ in range(3):
        if os.fork() == 0:
            while time.monotonic() < until: pass
            os._exit(0)
    while time.monotonic() < until: pass
    return 1)",
                                       {{"sandbox", {{"cpu", 0.25}}}, {"timeout", 100}});
  CHECK_MESSAGE(record.at("outcome") == "completed", json::serialize(record));
  CHECK(member(record, "user_us") + member(record, "system_us") < 2.2e6);
  CHECK(member(record, "user_us") + member(record, "system_us") > 0.4e6);
}

TEST_CASE("level 3: forks beyond pids.max are refused and named" * doctest::skip()) {
  Daemon daemon;
  const json::value record = record_of(daemon, R"(
import os, time
def n():
    for _ in range(100):
        if os.fork() == 0:
            time.sleep(60))",
                                       {{"sandbox", {{"processes", 10}}}, {"timeout", 100}});
  CHECK_MESSAGE(record.at("outcome") == "process_limit", json::serialize(record));
}

TEST_CASE("level 3: leaf cgroups are removed with their workers" * doctest::skip()) {
  Daemon daemon;
  for (int i = 0; i < 30; ++i) CHECK(daemon.node("def f(): return 7")["output"] == 7);
  CHECK(eventually([] { return leaves().size() <= 20; }));
}
