// 12. What outlives a worker, and what branches share: kept workers, checkpoints, waiting executions, memory.
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "sandbox/sys.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/flow_documents.hpp"
#include "tests/support/http.hpp"

namespace qflow::bench {
namespace {

using namespace qflow::test;

Answer run_flow(Daemon& daemon, const std::string& id, const json::object& body = {}) {
  Answer done = daemon.post("/workflows/" + id + "/execute?wait=300", body);
  if (done.status != 200 || done["status"] != "completed") throw std::runtime_error(done.body.substr(0, 500));
  return done;
}

// MiB of a line of /proc/PID/FILE, such as "Pss:".
double mebibytes(const std::string& pid, const char* file, const std::string& line) {
  try {
    const std::string text = "\n" + sandbox::read_file("/proc/" + pid + "/" + file, 1U << 16U);
    const auto at = text.find("\n" + line);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + 1 + line.size())) / 1024;
  } catch (const std::exception&) {  // it has ended
    return 0;
  }
}

double metric(Daemon& daemon, const std::string& name) {
  const std::string all = daemon.get("/metrics").body;
  const auto at = all.find("\n" + name);
  if (at == std::string::npos) return 0;
  return std::stod(all.substr(all.find(' ', at + 1)));
}

void kept_worker(Daemon& daemon) {
  const std::string id = daemon.store(
      flow_of({code("frame", "import numpy, pandas\ndef frame(): return pandas.DataFrame(numpy.ones((1_310_720, 10)))"),
               code("use", "def use(df): return int(df.iloc[0, 0])")},
              {"frame > use"}));
  run_flow(daemon, id);
  Sample asked, ran;
  for (int i = 0; i < 20; ++i) {
    ::usleep(300'000);
    Answer step;
    asked.times.push_back(milliseconds([&] {
      step = run_flow(daemon, id, {{"destinationNode", "use"}, {"reuse", "last"}});
    }));
    if (!has(step.body, "\"kept\"")) throw std::runtime_error("no worker was kept");
    ran.times.push_back(step["duration_ms"].to_number<double>());
  }
  row("one node with the kept worker, 100 MB DataFrame before it", ran.at(0.5), "ms",
      fmt::format("to reach: 5; request to answer {:.1f}", asked.at(0.5)));
}

void checkpoint(Daemon& daemon) {
  constexpr std::size_t kBytes = 100U << 20U;
  const std::string id = daemon.store(flow_of(
      {code("big", "import os\ndef big(): return os.urandom(100 << 20)"), code("use", "def use(b): return len(b)")},
      {"big > use"}, {{"onCrash", "resume"}, {"checkpoint", "all"}}));
  Sample kept, plain;
  for (int i = 0; i < 4; ++i) {
    const double before = metric(daemon, "qflow_checkpoint_duration_seconds_sum");
    run_flow(daemon, id);
    const double after = metric(daemon, "qflow_checkpoint_duration_seconds_sum");
    const std::string path = daemon.directory()->path() + "/plain";
    const std::string bytes(kBytes, 'x');
    const double alone = milliseconds([&] {
      const sandbox::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      sandbox::write_all(fd.get(), bytes);
      ::fsync(fd.get());
    });
    ::unlink(path.c_str());
    if (i == 0) continue;
    kept.times.push_back((after - before) * 1000);
    plain.times.push_back(alone);
  }
  row("checkpoint of 100 MB, out of its worker", kept.at(0.5), "ms",
      fmt::format("writing and syncing the same bytes: {:.0f} ms", plain.at(0.5)));
}

void waiting(Daemon& daemon) {
  constexpr int kMany = 10'000;
  const std::string id =
      daemon.store(flow_of({code("a", "def a(): return 1"), flow_node("w", "wait", {{"webhook", true}})}, {"a > w"}));
  const std::string pid = std::to_string(daemon.program().pid());
  const auto start = [&](int count) {
    Connection connection(daemon.port());
    for (int i = 0; i < count; ++i) {
      const Answer begun = connection.call("POST", "/workflows/" + id + "/execute", "{}", daemon.authorization());
      if (begun.status == 503) ::usleep(100'000);
      else if (begun.status != 202) throw std::runtime_error(begun.body);
    }
    for (int i = 0; i < 600 && metric(daemon, "qflow_state{what=\"running\"}") > 0; ++i) ::usleep(100'000);
    ::sleep(1);
  };
  start(200);  // warms the allocator
  const double before = mebibytes(pid, "status", "VmRSS:");
  start(kMany);
  const double after = mebibytes(pid, "status", "VmRSS:");
  row("10,000 waiting executions, memory of the daemon for each", (after - before) * 1024 / kMany, "KiB",
      fmt::format("to reach: 2; {} workers are left", daemon.workers().size()));
}

void shared_memory(Daemon& daemon) {
  json::array nodes{code(
      "array", "import numpy, time\ndef array():\n    a = numpy.ones(134_217_728)\n    time.sleep(0.5)\n    return a")};
  std::vector<std::string> edges;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "n" + std::to_string(i);
    nodes.push_back(code(name, "import time\ndef n(a):\n    s = float(a.sum())\n    time.sleep(4)\n    return s"));
    edges.push_back("array > " + name);
  }
  const std::string id = daemon.store(flow_of(std::move(nodes), edges, {{"parallel", "on"}}));
  const auto available = [] { return mebibytes("", "meminfo", "MemAvailable:"); };
  const double before = available();
  const Answer begun = daemon.post("/workflows/" + id + "/execute");
  double least = before;
  for (int i = 0; i < 300; ++i) {
    least = std::min(least, available());
    if (daemon.get("/executions/" + text(begun["id"]))["status"] != "running") break;
    ::usleep(50'000);
  }
  row("1 GiB array read in 8 branches, memory that the machine has less", before - least, "MiB", "1024 without");
}

}  // namespace

void lasting_costs() {
  fmt::print("12. What outlives a worker, and what branches share\n");
  Daemon daemon({"--memory", "6144"});
  kept_worker(daemon);
  checkpoint(daemon);
  shared_memory(daemon);
  waiting(daemon);
}

}  // namespace qflow::bench
