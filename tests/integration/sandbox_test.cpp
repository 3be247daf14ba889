// Requests for a sandbox by workflows and nodes, their record, and that nothing is left behind.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

const json::value& node_of(const Answer& execution, const char* name) {
  return execution["data"].at("resultData").at("runData").at(name).at(0).at("qflow");
}

std::string refused(Daemon& daemon, const json::value& sandbox) {
  const Answer answer = daemon.node("def f(): return 1", nullptr, {{"sandbox", sandbox}});
  CHECK_MESSAGE(answer.status == 400, answer.body);
  return answer.body;
}

constexpr const char* kIds = "import os\ndef {}(x=None): return [os.stat('/tmp').st_dev, x]";

}  // namespace

TEST_CASE("a sandbox that asks for more than the installation allows is refused by name") {
  Daemon daemon({"--memory", "256"});
  CHECK(has(refused(daemon, {{"memory", "1 GiB"}}),
            "sandbox.memory 1024 MiB is above this installation's limit of 256 MiB"));
  CHECK(has(refused(daemon, {{"tmp", "65 MiB"}}), "sandbox.tmp 65 MiB is above"));
  CHECK(has(refused(daemon, {{"processes", 65}}), "sandbox.processes 65 is above this installation's limit of 64"));
  CHECK(has(refused(daemon, {{"cpu", 2}}), "sandbox.cpu 2 is above this installation's limit of 0.5"));
  CHECK(has(refused(daemon, {{"time", 7200}}), "sandbox.time 7200 s is above this installation's limit of 3600 s"));
  CHECK(has(refused(daemon, {{"network", "host"}}), "its admin can, with --allow-network"));
  CHECK(has(refused(daemon, {{"programs", true}}), "its admin can, with --allow-programs"));
}

TEST_CASE("an invalid sandbox is refused by its JSON pointer") {
  Daemon daemon;
  CHECK(has(refused(daemon, {{"memroy", 1}}), "/nodes/0/sandbox/memroy: unknown; a sandbox has network, memory"));
  CHECK(has(refused(daemon, {{"memory", "lots"}}), "/nodes/0/sandbox/memory: expected bytes, or text such as"));
  CHECK(has(refused(daemon, {{"memory", 1000}}), "at least 16 MiB"));
  CHECK(has(refused(daemon, {{"memory", -5}}), "/nodes/0/sandbox/memory"));
  CHECK(has(refused(daemon, {{"network", "all"}}), "/nodes/0/sandbox/network: expected"));
  CHECK(has(refused(daemon, {{"cpu", 0}}), "/nodes/0/sandbox/cpu: expected a number greater than 0"));
  CHECK(has(refused(daemon, {{"processes", 1.5}}), "/nodes/0/sandbox/processes: expected a whole number"));
  CHECK(has(refused(daemon, {{"programs", "yes"}}), "/nodes/0/sandbox/programs: expected true or false"));
  CHECK(has(refused(daemon, "small"), "/nodes/0/sandbox: expected an object"));
}

TEST_CASE("the workflow's sandbox applies to its nodes, a node's own overrides it, and the record has both") {
  Daemon daemon;
  json::object flow = chain({node("a", "import os\ndef a(): return os.statvfs('/tmp').f_blocks * 4096"),
                             node("b", "import os\ndef b(x): return [x, os.statvfs('/tmp').f_blocks * 4096]",
                                  {{"sandbox", {{"tmp", "2 MiB"}}}})});
  flow["settings"] = {{"sandbox", {{"tmp", "8 MiB"}, {"memory", "64 MiB"}}}};
  const Answer done = daemon.run(flow);
  REQUIRE_MESSAGE(done["outcome"] == "completed", done.body);
  CHECK(node_of(done, "b").at("value") == json::value(json::array{8 << 20, 2 << 20}));
  CHECK(done["sandbox"].get_array().size() == 2);
  CHECK(done["sandbox"].at(0).at("memory") == 64 << 20);
  CHECK(done["sandbox"].at(1).at("tmp") == 2 << 20);
  CHECK(done["sandbox"].at(1).at("nodes").at(0) == "b");
}

TEST_CASE("nodes with the same sandbox share a worker, nodes with another have their own") {
  Daemon daemon;
  const auto code = [](const char* name) { return fmt::format(fmt::runtime(kIds), name); };
  const Answer done =
      daemon.run(chain({node("a", code("a")), node("b", code("b")),
                        node("c", code("c"), {{"sandbox", {{"processes", 8}}}}), node("d", code("d"))}));
  REQUIRE_MESSAGE(done["outcome"] == "completed", done.body);
  const auto device = [&](const char* name) { return node_of(done, name).at("value").at(0).to_number<std::int64_t>(); };
  CHECK(device("a") == device("b"));
  CHECK(device("a") == device("d"));
  CHECK(device("a") != device("c"));
  // a's value went to b by reference, b's to c and c's to d as data.
  CHECK(node_of(done, "d").at("value").at(1).at(1).at(1).at(0).to_number<std::int64_t>() == device("a"));
}

TEST_CASE("between sandboxes only plain data passes") {
  Daemon daemon;
  const Answer done = daemon.run(
      chain({node("a", "def a(): return {1, 2}"), node("b", "def b(x): return 1", {{"sandbox", {{"processes", 8}}}}),
             node("c", "def c(x): return 1")}));
  CHECK(done["outcome"] == "not_run");
  CHECK(has(text(done["error"]),
            "the value of node \"a\" (set) cannot pass to node \"b\", which runs in another sandbox"));
  CHECK(node_of(done, "a").at("outcome") == "completed");
  CHECK(node_of(done, "c").at("outcome") == "skipped");
}

TEST_CASE("a failure in one sandbox skips what needs it in another, and the rest goes on") {
  Daemon daemon;
  const Answer done = daemon.run(flow({node("bad", "def bad(): raise ValueError('x')"),
                                       node("needs", "def needs(x): return 1", {{"sandbox", {{"processes", 8}}}}),
                                       node("free", "def free(): return 2", {{"sandbox", {{"processes", 8}}}})},
                                      {{"bad", "needs"}}));
  CHECK(done["outcome"] == "raised");
  CHECK(node_of(done, "needs").at("outcome") == "skipped");
  CHECK(node_of(done, "free").at("value") == 2);
}

TEST_CASE("the record names how each node ended, what it was denied and what it used") {
  Daemon daemon;
  const Answer done = daemon.run(
      flow({node("ok", "def ok():\n    open('/tmp/x', 'wb').write(b'x' * 100_000)\n    return sum(range(2_000_000))"),
            node("net",
                 "import socket\ndef net():\n    try: socket.socket()\n    except OSError: pass\n    return 'went on'"),
            node("shell", "import os\ndef shell(): return os.system('true')"),
            node("denied", "import urllib.request\ndef denied(): urllib.request.urlopen('http://example.org')")},
           {}));
  CHECK(node_of(done, "ok").at("outcome") == "completed");
  const auto used = [&](const char* name, const char* what) {
    return node_of(done, name).at("resource_usage").at(what).to_number<double>();
  };
  CHECK(used("ok", "user_us") > 1000);
  CHECK(used("ok", "minor_faults") > 10);
  CHECK(used("ok", "peak_memory_bytes") > 5e6);
  CHECK(used("ok", "written_bytes") >= 100'000);
  // The node caught the exception; the record names its attempt all the same.
  CHECK(node_of(done, "net").at("outcome") == "completed");
  CHECK(node_of(done, "net").at("denied") ==
        json::value(json::array{json::object{
            {"act", "socket(AF_INET)"}, {"reason", "network is off for this node"}, {"setting", "sandbox.network"}}}));
  CHECK(node_of(done, "shell").at("denied").at(0).at("act") == "execve");
  CHECK(node_of(done, "denied").at("outcome") == "denied");
  CHECK(done["outcome"] == "denied");
  CHECK(has(text(done["error"]), "network is off for this node"));
  CHECK(done["resource_usage"].at("user_us").to_number<double>() >= used("ok", "user_us") / 2);
  CHECK(done["isolation"].at("level").to_number<int>() >= 2);
}

TEST_CASE("a killed node's usage comes from the kernel") {
  Daemon daemon;
  const Answer done = daemon.run(chain({node("burn", "def burn():\n    while True: pass", {{"timeout", 1}})}));
  CHECK(done["outcome"] == "timed_out");
  CHECK(node_of(done, "burn").at("resource_usage").at("user_us").to_number<double>() > 200'000);
}

TEST_CASE("a node's own exception is not mistaken for an earlier denial") {
  Daemon daemon;
  const Answer own = daemon.node(
      "import socket\ndef f():\n    try: socket.socket()\n    except OSError: pass\n    raise "
      "PermissionError(1, 'a rule of my own')");
  CHECK(own["outcome"] == "raised");
  CHECK(own["denied"].get_array().size() == 1);
}

TEST_CASE("the node that breaks the protocol while files are fetched is named, not the last node") {
  Daemon daemon;
  const Answer done = daemon.run(flow(
      {node("a",
            "import os, pathlib, time\ndef a():\n    path = pathlib.Path('/node/x')\n    path.write_text('x')\n    if "
            "os.fork() == 0:\n        time.sleep(0.2)\n        while True: os.write(3, b'\\0' * 64)\n    return path"),
       node("b", "import time\ndef b():\n    time.sleep(0.4)\n    return 1", {{"sandbox", {{"processes", 8}}}})},
      {}));
  CHECK(node_of(done, "b").at("outcome") == "completed");
  CHECK(node_of(done, "a").at("outcome") == "protocol_violation");
}

TEST_CASE("a value from another sandbox that does not fit ends as memory_limit") {
  Daemon daemon;
  const Answer done = daemon.run(chain({node("a", "def a(): return ['x' * 60 + str(n) for n in range(95_000)]"),
                                        node("b", "def b(x): return len(x)", {{"sandbox", {{"memory", "16 MiB"}}}})}));
  CHECK_MESSAGE(done["outcome"] == "memory_limit", text(done["error"]));
}

TEST_CASE("a stopped execution has the outcome cancelled") {
  Daemon daemon;
  const std::string id = daemon.store(chain({node("slow", "import time\ndef slow(): time.sleep(60)")}));
  const std::string execution = text(daemon.post("/workflows/" + id + "/execute")["id"]);
  ::usleep(200'000);
  CHECK(daemon.post("/executions/" + execution + "/stop").status == 200);
  REQUIRE(eventually([&] { return text(daemon.get("/executions/" + execution)["status"]) == "cancelled"; }));
  CHECK(daemon.get("/executions/" + execution)["outcome"] == "cancelled");
}

TEST_CASE("granted: the host's network and programs, for nodes that ask") {
  Daemon daemon({"--allow-network", "--allow-programs"});
  const char* code =
      "import socket, subprocess\ndef f():\n    out = []\n    for act in (socket.socket, lambda: "
      "subprocess.run(['true'], check=True)):\n        try: act(); out.append(True)\n        except OSError: "
      "out.append(False)\n    return out";
  const auto asking = [&](json::object sandbox) {
    const Answer answer = daemon.node(code, nullptr, {{"sandbox", std::move(sandbox)}});
    return json::serialize(answer["output"]);
  };
  CHECK(asking({}) == "[false,false]");
  CHECK(asking({{"network", "host"}}) == "[true,false]");
  CHECK(asking({{"programs", true}}) == "[false,true]");
  CHECK(asking({{"network", "host"}, {"programs", true}}) == "[true,true]");
  // Only TCP and UDP: nothing else of the host's network.
  const Answer families = daemon.node(
      "import socket\ndef f():\n    out = []\n    for family, kind in ((1, 1), (2, 3), (16, 3), (17, 3), (40, 1), (38, "
      "5)):\n"
      "        try: socket.socket(family, kind); out.append(family)\n        except OSError: pass\n    return out",
      nullptr, {{"sandbox", {{"network", "host"}}}});
  CHECK(families["output"] == json::value(json::array()));
  REQUIRE(families["denied"].get_array().size() == 6);
  for (const auto& one : families["denied"].get_array()) {
    CHECK(one.at("reason") == "no setting grants sockets other than TCP and UDP");
    CHECK(one.at("setting").is_null());
  }
}

TEST_CASE("a shared directory is read by every node and written by none") {
  const TempDir elsewhere;  // below /tmp, where every sandbox has its own
  CHECK(has(run({bin("qflow"), "serve", "--share", elsewhere.path()}).err, "every sandbox has its own /tmp/"));
  CHECK(has(run({bin("qflow"), "serve", "--share", "/etc"}).err, "too much of the host"));
  CHECK(has(run({bin("qflow"), "serve", "--share", "/nonexistent"}).err, "not a directory"));
  CHECK(has(run({bin("qflow"), "serve", "--data-dir", "/srv/qflow/data", "--share", "/srv"}).err,
            "the data directory /srv/qflow/data with the token is there"));
  const std::string shared = "/usr/share/common-licenses";
  Daemon daemon({"--share", shared});
  const Answer answer = daemon.node("import os\ndef f():\n    try: open('" + shared +
                                    "/new', 'w')\n    except OSError: return open('" + shared + "/GPL-3').read(200)");
  CHECK_MESSAGE(has(text(answer["output"]), "GNU GENERAL PUBLIC LICENSE"), answer.body);
}

TEST_CASE("the terminal shows what was denied and how it ended") {
  const TempDir directory;
  const std::string file = directory.file(
      "flow.json",
      json::serialize(chain({node("fetch", "import socket\ndef fetch(): socket.create_connection(('1.1.1.1', 80))")})));
  const Finished done = run({bin("qflow"), "run", file, "--data-dir", directory.path() + "/data"});
  CHECK(done.code == 1);
  CHECK_MESSAGE(
      has(done.err, "Denied to fetch: socket(AF_INET): network is off for this node (sandbox.network would allow it)"),
      done.err);
  CHECK(has(done.err, "Failed (denied): PermissionError"));
}

TEST_CASE("the zygote's memory holds nothing of an execution") {
  if (::geteuid() != 0) return;  // only root may read its memory
  Daemon daemon;
  // Only the node puts the pieces together, so that the marker is nowhere but in its worker.
  CHECK(
      daemon.node(
          "def f():\n    global kept\n    kept = ['mark' + 'er-' + 'of-one-execution'] * 1000\n    return len(kept[0])")
          ["output"] == 23);
  const std::string marker = std::string("mark") + "er-" + "of-one-execution";
  const std::string zygote = daemon.zygote();
  REQUIRE_FALSE(zygote.empty());
  std::ifstream maps("/proc/" + zygote + "/maps");
  const qflow::sandbox::UniqueFd memory(::open(("/proc/" + zygote + "/mem").c_str(), O_RDONLY));
  REQUIRE(memory);
  std::size_t searched = 0;
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rw") == std::string::npos) continue;
    const std::size_t from = std::stoull(line, nullptr, 16);
    const std::size_t to = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    std::string bytes(to - from, '\0');
    const ssize_t got = ::pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(from));
    if (got <= 0) continue;
    searched += static_cast<std::size_t>(got);
    found = found || bytes.find(marker) != std::string::npos;
  }
  CHECK(searched > 1'000'000);
  CHECK_FALSE(found);
}

TEST_CASE("processes that an execution leaves behind are gone with it") {
  Daemon daemon;
  CHECK(daemon.node(
            "import os, time\ndef f():\n    for _ in range(5):\n        if os.fork() == 0:\n            os.setsid()\n"
            "            if os.fork() == 0:\n                time.sleep(300)\n            os._exit(0)\n    return 1")
            ["output"] == 1);
  CHECK(eventually([&] {
    // They would be the zygote's grandchildren.
    for (const std::string& worker : daemon.workers())
      if (!run({"pgrep", "-P", worker}).out.empty()) return false;
    return true;
  }));
}
