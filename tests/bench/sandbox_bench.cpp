// The cost of the sandbox: each layer alone and all together, a spare's preparation, handing a job to it, and the rate
// of sandboxed executions in fresh processes for eight clients, against two loops of bwrap in the same run.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "daemon/engine/engine.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/workers/pool.hpp"
#include "daemon/workers/zygote.hpp"
#include "sandbox/inner.hpp"
#include "sandbox/outer.hpp"
#include "tests/bench/bench.hpp"

namespace qflow::bench {
namespace {

using sandbox::Layer;

constexpr std::uint32_t bits(std::initializer_list<Layer> layers) {
  std::uint32_t out = 0;
  for (const Layer layer : layers) out |= static_cast<std::uint32_t>(layer);
  return out;
}

/// Median times of a worker under `layers` in microseconds: from the fork until its walls are up, and until it is
/// reaped. The process contains no Python, so that only the walls are measured.
std::pair<double, double> worker_us(std::uint32_t layers) {
  auto [ours, theirs] = sandbox::socket_pair();
  const pid_t pid = sandbox::check(::fork(), "fork()");
  if (pid == 0) {
    const int socket = ::dup2(theirs.get(), 900);
    sandbox::Policy policy;
    policy.mounts = {{"/usr/lib/x86_64-linux-gnu", true}, {"/usr/lib/python3.11", true}, {"/usr/lib/python3", true},
                     {"/etc/ld.so.cache", true},          {"/etc/alternatives", true},   {"/usr/share/zoneinfo", true}};
    sandbox::enter_outer(policy, socket);
    policy.layers = layers;
    const sandbox::InnerSandbox inner(policy);
    Sample up, gone;
    for (int i = 0; i < 400; ++i) {
      int ready[2];
      if (::pipe(ready) < 0) ::_exit(1);
      const auto start = Clock::now();
      const pid_t worker = inner.fork_worker();
      if (worker == 0) {
        inner.enter({ready[1], 1, 2});
        ::_exit(::write(sandbox::kControlFd, "x", 1) == 1 ? 0 : 1);
      }
      char c = 0;
      ::close(ready[1]);
      if (::read(ready[0], &c, 1) != 1) ::_exit(1);
      up.times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      ::waitpid(worker, nullptr, 0);
      gone.times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      ::close(ready[0]);
    }
    sandbox::write_all(socket, fmt::format("{} {}", up.at(0.5), gone.at(0.5)));
    ::_exit(0);
  }
  theirs.reset();
  sandbox::ChildProcess child(pid);
  std::string text(100, '\0');
  const ssize_t got = ::read(ours.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  child.wait();
  if (text.empty()) return {0, 0};
  return {std::stod(text), std::stod(text.substr(text.find(' ')))};
}

void layers() {
  const auto none = worker_us(0);
  row("a bare fork: up / reaped", none.first, "µs", fmt::format("{:.0f} µs", none.second));
  const std::pair<const char*, std::uint32_t> alone[] = {
      {"PID namespace", bits({Layer::pid_namespace})},
      {"mount namespace, three tmpfs", bits({Layer::mount_namespace})},
      {"user namespace", bits({Layer::user_namespace})},
      {"user and cgroup namespace", bits({Layer::user_namespace, Layer::cgroup_namespace})},
      {"limits", bits({Layer::limits})},
      {"user namespace, capabilities dropped", bits({Layer::user_namespace, Layer::capabilities})},
      {"no_new_privs", bits({Layer::no_new_privs})},
      {"Landlock (with no_new_privs)", bits({Layer::landlock, Layer::no_new_privs})},
      {"seccomp, the worker's own filter", bits({Layer::seccomp, Layer::no_new_privs})},
  };
  for (const auto& [name, one] : alone) {
    const auto cost = worker_us(one);
    row(std::string("  + ") + name, cost.first - none.first, "µs",
        fmt::format("reaped {:+.0f} µs", cost.second - none.second));
  }
  const auto all = worker_us(sandbox::kAllLayers);
  row("  all of them", all.first - none.first, "µs", fmt::format("reaped {:+.0f} µs", all.second - none.second));
}

double own_cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

flow::Plan trivial_plan(const workers::Settings& settings) {
  const boost::json::object node{{"id", "n"}, {"name", "n"}, {"code", "def f(): return 1"}};
  return flow::make_plan(flow::read_workflow({{"nodes", boost::json::array{node}}}), settings);
}

workers::Settings bench_settings() {
  workers::Settings settings;
  settings.pythons = workers::find_pythons(test::bin(""));
  settings.default_python = workers::default_python(settings.pythons);
  return settings;
}

// Prepares a spare (fork, walls, warm-up, greeting, check from outside), then hands it one job.
Task<> spare_and_job(Sample& prepared, Sample& answered) {
  const workers::Settings settings = bench_settings();
  const auto zygote = std::make_shared<workers::Zygote>(co_await asio::this_coro::executor, settings,
                                                        settings.pythons.at(settings.default_python),
                                                        std::vector<std::string>(), workers::Sandbox{}, nullptr);
  co_await zygote->start();
  for (int i = 0; i < 300; ++i) {
    const auto start = Clock::now();
    const std::shared_ptr<workers::Worker> worker = co_await zygote->spawn(settings.limits, true);
    prepared.times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    co_await sleep_for(std::chrono::milliseconds(1));
    const auto given = Clock::now();
    worker->begin();
    std::string frames;
    schema::Load load;
    load.file = "n.py";
    load.mark = worker->nonce();
    schema::pack(schema::Kind::load, 1, load, frames, "def f(): return 1");
    schema::Call call;
    call.module = 1;
    schema::pack(schema::Kind::call, 2, call, frames);
    worker->post(std::move(frames));
    co_await worker->receive();
    const auto result = co_await worker->receive();
    if (result && result->kind == schema::Kind::result)
      answered.times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - given).count());
    worker->kill(workers::End::closed);
    co_await worker->wait_exit(std::chrono::seconds(1));
  }
  zygote->retire();
}

struct Throughput {
  double seconds = 0;
  double cpu_ms = 0;
  int done = 0;
};

Task<> client(engine::Engine& engine, flow::Plan plan, int times, std::shared_ptr<Throughput> result,
              std::shared_ptr<int> left) {
  for (int i = 0; i < times; ++i) {
    engine::Order order;
    order.plan = plan;
    auto running = engine.run(std::move(order), nullptr);
    const engine::Outcome outcome = co_await std::move(running);
    if (outcome.status == engine::Status::completed) ++result->done;
  }
  --*left;
}

// Runs the daemon's own engine and pool on one thread: each execution in a fresh sandboxed process, with the next ones
// prepared in the meantime.
Task<> throughput(Throughput& out, int each, bool& finished) {
  workers::Settings settings = bench_settings();
  workers::Pool pool(co_await asio::this_coro::executor, settings);
  engine::Engine engine(co_await asio::this_coro::executor, pool, nullptr, 64, 2, "[]");
  const flow::Plan plan = trivial_plan(settings);
  auto result = std::make_shared<Throughput>();
  constexpr int kClients = 8;
  auto left = std::make_shared<int>(1);
  co_await client(engine, plan, 50, result, left);  // warm
  *left = kClients;
  result->done = 0;
  const double cpu = own_cpu_ms();
  const auto start = Clock::now();
  for (int c = 0; c < kClients; ++c)
    asio::co_spawn(co_await asio::this_coro::executor, client(engine, plan, each, result, left), asio::detached);
  while (*left > 0) co_await sleep_for(std::chrono::milliseconds(1));
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  out.cpu_ms = own_cpu_ms() - cpu;
  out.done = result->done;
  pool.shut_down();
  finished = true;
}

double bwrap_per_second() {
  constexpr int kEach = 60;
  const double ms = milliseconds([] {
    std::vector<std::thread> loops;
    for (int i = 0; i < 2; ++i)
      loops.emplace_back([] {
        for (int n = 0; n < kEach; ++n) bubblewrap("pass");
      });
    for (auto& loop : loops) loop.join();
  });
  return 2 * kEach / ms * 1000;
}

}  // namespace

void fresh_processes(int each) {
  Throughput fresh;
  asio::io_context io;
  bool finished = false;
  asio::co_spawn(io, throughput(fresh, each, finished), asio::detached);
  while (!finished && io.run_one() > 0) {
  }
  row("sandboxed executions in fresh processes", fresh.done / fresh.seconds, "/s");
  row("the daemon's processor time for each", fresh.cpu_ms / fresh.done, "ms");
}

void sandbox_costs() {
  fmt::print("8  The sandbox\n");
  layers();
  Sample prepared, answered;
  {
    asio::io_context io;
    asio::co_spawn(io, spare_and_job(prepared, answered), asio::detached);
    io.run();
  }
  row("a spare's preparation, with Python in it", prepared.at(0.5), "ms");
  row("a job handed to a spare, to its result", answered.at(0.5), "ms", "target: 0.3");
  const double bwrap = bwrap_per_second();
  Throughput fresh;
  {
    asio::io_context io;
    bool finished = false;
    asio::co_spawn(io, throughput(fresh, 250, finished), asio::detached);
    while (!finished && io.run_one() > 0) {
    }
  }
  const double rate = fresh.done / fresh.seconds;
  row("bwrap … python3 -I -c pass, two loops", bwrap, "/s");
  row("sandboxed executions in fresh processes", rate, "/s",
      fmt::format("{:.1f} times bwrap; target: 12", rate / bwrap));
  row("the daemon's processor time for each", fresh.cpu_ms / fresh.done, "ms",
      "target: 0.2; engine and pool, without HTTP");
}

}  // namespace qflow::bench
