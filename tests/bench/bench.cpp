// qflow-bench: measures the README's figures in one run, each next to its comparison. Run by hand; not a test.
#include <fmt/format.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "daemon/workers/zygote.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/http.hpp"

namespace {

using namespace qflow;
using namespace qflow::test;
using namespace qflow::bench;

/// Calls `target` from `clients` threads, `calls` times each. Returns the times; `seconds` is the whole duration.
Sample load(Daemon& daemon, unsigned clients, int calls, const std::string& target, const std::string& body,
            int expected, double& seconds) {
  std::vector<Sample> parts(clients);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  seconds = milliseconds([&] {
              for (unsigned c = 0; c < clients; ++c)
                threads.emplace_back([&, c] {
                  Connection connection(daemon.port());
                  for (int i = 0; i < calls; ++i)
                    parts[c].times.push_back(milliseconds([&] {
                      const Answer answer = connection.call("POST", target, body, daemon.authorization());
                      if (answer.status != expected || (answer.body.find("\"success\":true") == std::string::npos &&
                                                        answer.body.find("\"completed\"") == std::string::npos))
                        ++wrong;
                    }));
                });
              for (auto& thread : threads) thread.join();
            }) /
            1000;
  Sample all;
  for (auto& part : parts) all.times.insert(all.times.end(), part.times.begin(), part.times.end());
  if (wrong > 0) fmt::print("  !! {} of {} answers were wrong\n", wrong.load(), all.times.size());
  return all;
}

double execution_ms(const Answer& answer) {
  const auto* duration = answer["duration"].if_double();
  if (answer["status"] != "completed" || duration == nullptr) {
    fmt::print("  !! {}\n", answer.body.substr(0, 600));
    return 0;
  }
  return *duration;
}

constexpr const char* kFibo =
    "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\n\ndef main(before=None):\n    return "
    "fibo({})\n";

json::object fibo_chain(int length, int n) {
  std::vector<json::object> nodes;
  for (int i = 0; i < length; ++i)
    nodes.push_back(node(fmt::format("n{}", i), fmt::format(kFibo, n), {{"function", "main"}}));
  return chain(std::move(nodes));
}

// Runs the same module in a separate interpreter, which prints how long it took.
double plain_fibo_ms(const std::vector<std::string>& interpreter, int length, int n) {
  const TempDir directory;
  std::vector<std::string> command = interpreter;
  command.push_back(directory.file("fibo.py", fmt::format("{}\nimport time\nt = time.perf_counter()\nfor _ in "
                                                          "range({}): main()\nprint((time.perf_counter() - t) * 1e3)",
                                                          fmt::format(kFibo, n), length)));
  return std::stod(run(command).out);
}

void starts(double& python) {
  fmt::print("1  A fresh interpreter\n");
  python = repeat(30, [] { bare_python("pass"); }).at(0.5);
  row("python3 -I -c pass", python, "ms");
  row("bwrap … python3 -I -c pass", repeat(30, [] { bubblewrap("pass"); }).at(0.5), "ms");
}

// Times from the request to the zygote until a worker has forked, put up every wall, run Python once and been checked.
Task<> fork_workers(Sample& sample) {
  workers::Settings settings;
  settings.pythons = workers::find_pythons(bin(""));
  const auto zygote = std::make_shared<workers::Zygote>(co_await asio::this_coro::executor, settings,
                                                        settings.pythons.at(workers::default_python(settings.pythons)),
                                                        std::vector<std::string>(), workers::Sandbox{}, nullptr);
  co_await zygote->start();
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    const std::shared_ptr<workers::Worker> worker = co_await zygote->spawn(settings.limits, false);
    sample.times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    worker->kill(workers::End::closed);
    co_await worker->wait_exit(std::chrono::seconds(1));
  }
  zygote->retire();
}

void fork_to_bytecode(Daemon& daemon, double python) {
  Sample forked;
  asio::io_context io;
  asio::co_spawn(io, fork_workers(forked), asio::detached);
  io.run();
  row("qflow: fork, every wall, first bytecode, checked", forked.at(0.5), "ms",
      fmt::format("1/{:.0f} of python3", python / forked.at(0.5)));
  daemon.node("def f(): return 1");
  Sample spare;
  for (int i = 0; i < 30; ++i) {
    double seconds = 0;
    spare.times.push_back(
        load(daemon, 1, 1, "/nodes/python/execute", R"({"code":"def f(): return 1"})", 200, seconds).times.front());
    ::usleep(10'000);
  }
  row("qflow: HTTP request to answer, spare waiting", spare.at(0.5), "ms",
      fmt::format("1/{:.0f} of python3", python / spare.at(0.5)));
}

void single_node(Daemon& daemon, double python) {
  fmt::print("2  POST /nodes/python/execute of a trivial function\n");
  const std::string body = R"({"code":"def f(x): return x + 1","input_data":{"x":1}})";
  double seconds = 0;
  load(daemon, 1, 50, "/nodes/python/execute", body, 200, seconds);
  Sample one = load(daemon, 1, 500, "/nodes/python/execute", body, 200, seconds);
  row("1 client, p50", one.at(0.5), "ms", fmt::format("target: under {:.2f} (a tenth of python3)", python / 10));
  row("1 client, p99", one.at(0.99), "ms");
  row("1 client, calls a second", 500 / seconds, "/s");
  Sample many = load(daemon, 16, 100, "/nodes/python/execute", body, 200, seconds);
  row("16 clients, p50", many.at(0.5), "ms");
  row("16 clients, p99", many.at(0.99), "ms");
  row("16 clients, calls a second", 1600 / seconds, "/s");
}

void chains(Daemon& daemon, double python) {
  fmt::print("3  Chains, every node recorded\n");
  const std::string forty = daemon.store(fibo_chain(40, 10));
  Sample durations;
  const Sample times = repeat(
      20, [&] { durations.times.push_back(execution_ms(daemon.post("/workflows/" + forty + "/execute?wait=60"))); });
  row("40 × fibo(10): request to recorded answer", Sample(times).at(0.5), "ms",
      fmt::format("target: under {:.1f} (two python3 starts)", 2 * python));
  row("40 × fibo(10): the execution itself", durations.at(0.5), "ms");
  const std::string ten = daemon.store(fibo_chain(10, 33));
  Sample ours, plain, embedded;
  for (int i = 0; i < 5; ++i) {  // alternating, because the machine is noisy
    ours.times.push_back(milliseconds([&] { execution_ms(daemon.post("/workflows/" + ten + "/execute?wait=120")); }));
    plain.times.push_back(plain_fibo_ms({kPython, "-I"}, 10, 33));
    embedded.times.push_back(plain_fibo_ms({bin("qflow-bench-embed")}, 10, 33));
  }
  row("10 × fibo(33), python3's own time", plain.at(0.5), "ms");
  row("10 × fibo(33), the same libpython, merely embedded", embedded.at(0.5), "ms",
      fmt::format("{:+.1f} %", (embedded.at(0.5) / plain.at(0.5) - 1) * 100));
  row("10 × fibo(33), request to recorded answer", ours.at(0.5), "ms",
      fmt::format("{:+.1f} % against python3 (target: within 3 %), {:+.1f} % against libpython",
                  (ours.at(0.5) / plain.at(0.5) - 1) * 100, (ours.at(0.5) / embedded.at(0.5) - 1) * 100));
}

void throughput(Daemon& daemon) {
  fmt::print("4  A 3-node workflow over HTTP, a fresh worker for each run, recorded, 32 clients\n");
  const std::string id = daemon.store(chain({node("a", "def a(x): return x + 1"), node("b", "def b(x): return x * 2"),
                                             node("c", "def c(x): return {'r': x}")}));
  const std::string target = "/workflows/" + id + "/execute?wait=60";
  const std::string body = R"({"input_data":{"x":4}})";
  double seconds = 0;
  load(daemon, 32, 5, target, body, 200, seconds);
  Sample all = load(daemon, 32, 60, target, body, 200, seconds);
  row("runs a second", 32 * 60 / seconds, "/s", "target: 400");
  row("p50", all.at(0.5), "ms");
  row("p99", all.at(0.99), "ms");
}

void large_values(Daemon& daemon) {
  fmt::print("5  Bytes through 10 nodes\n");
  for (const int megabytes : {1, 100}) {
    std::vector<json::object> nodes{
        node("make", fmt::format("def make():\n    return bytes({} * 1000 * 1000)", megabytes))};
    for (int i = 0; i < 9; ++i) nodes.push_back(node(fmt::format("p{}", i), "def p(x):\n    return x"));
    const std::string id = daemon.store(chain(std::move(nodes)));
    Sample made, passed;
    for (int i = 0; i < 9; ++i) {
      const json::value answer = daemon.post("/workflows/" + id + "/execute?wait=60").parsed();
      double sum = 0;
      for (const auto& [name, tasks] : answer.at("data").at("resultData").at("runData").as_object()) {
        const double time = tasks.as_array()[0].at("executionTime").to_number<double>();
        if (name == "make") made.times.push_back(time);
        else sum += time;
      }
      passed.times.push_back(sum);
    }
    row(fmt::format("{} MB: the node that creates the value", megabytes), made.at(0.5), "ms");
    row(fmt::format("{} MB: the 9 nodes that pass it on, together", megabytes), passed.at(0.5), "ms",
        megabytes == 100 ? "target: the same as 1 MB" : "");
  }
}

void packages(Daemon& daemon) {
  fmt::print("6  A node that imports pandas\n");
  const std::string plain = R"({"code":"def f(): return 1"})";
  const std::string pandas = R"json({"code":"import pandas\ndef f(): return pandas.__version__"})json";
  const auto time = [&](const std::string& body) {
    double seconds = 0;
    return load(daemon, 1, 1, "/nodes/python/execute", body, 200, seconds).times.front();
  };
  row("python3 -I -c 'import pandas'", repeat(3, [] { bare_python("import pandas"); }).at(0.5), "ms");
  row("first execution", time(pandas), "ms");
  ::usleep(3'000'000);
  row("second execution, 3 s later", time(pandas), "ms", "its zygote has imported pandas by now");
  Sample with, without;
  for (int i = 0; i < 20; ++i) {
    with.times.push_back(time(pandas));
    ::usleep(50'000);
    without.times.push_back(time(plain));
    ::usleep(50'000);
  }
  row("later executions, p50", with.at(0.5), "ms",
      fmt::format("without pandas {:.2f}: {:+.2f} (target: +2)", without.at(0.5), with.at(0.5) - without.at(0.5)));
}

// Private_Dirty of smaps_rollup in MB.
double private_dirty(const std::string& pid) {
  const std::string text = qflow::sandbox::read_file("/proc/" + pid + "/smaps_rollup", 65536);
  const auto at = text.find("Private_Dirty:");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + 14)) / 1024;
}

void memory(Daemon& daemon) {
  fmt::print("7  Idle memory, private dirty\n");
  ::usleep(500'000);
  row("daemon, after all of the above", private_dirty(std::to_string(daemon.program().pid())), "MB",
      "target: under 30");
  Daemon fresh;
  fresh.node("def f(): return 1");
  ::usleep(500'000);
  row("daemon, fresh", private_dirty(std::to_string(fresh.program().pid())), "MB", "target: under 30");
  row("zygote", private_dirty(fresh.zygote()), "MB");
  if (const auto spares = fresh.workers(); !spares.empty())
    row("spare", private_dirty(spares.front()), "MB", "target: under 2");
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  if (argc > 1 && std::string_view(argv[1]) == "sandbox") {
    sandbox_costs();
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "http") {
    http_costs();
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "types") {
    type_costs();
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "engine") {
    engine_costs();
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "lasting") {
    lasting_costs();
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "fresh") {
    fresh_processes(argc > 2 ? std::atoi(argv[2]) : 1000);
    return 0;
  }
  fmt::print("qflow benchmarks. Medians; each figure next to its comparison, measured in the same run.\n");
  double python = 0;
  starts(python);
  Daemon daemon;
  fork_to_bytecode(daemon, python);
  single_node(daemon, python);
  chains(daemon, python);
  throughput(daemon);
  large_values(daemon);
  packages(daemon);
  memory(daemon);
  sandbox_costs();
  http_costs();
  type_costs();
  engine_costs();
  lasting_costs();
  return 0;
}
