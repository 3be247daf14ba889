// 9. HTTP: reads, a list and a write against a bare Beast hello and FastAPI with SQLAlchemy on the same data, in one
// run, with a thousand and with a million stored executions; and the memory of idle connections.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "daemon/base/time.hpp"
#include "sandbox/sys.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/http.hpp"

namespace qflow::bench {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

int connected(unsigned short port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// Answers per second to `request` over `connections` connections, each sending its next request once it has its answer.
// One thread with epoll, the same for every server. NNNNNNNN in the request becomes a new number each time. Throws when
// an answer is not a success.
double rate(unsigned short port, const std::string& request, int connections, double seconds) {
  struct Client {
    sandbox::UniqueFd fd;
    std::string buffer;
  };
  std::vector<Client> clients(static_cast<std::size_t>(connections));
  const sandbox::UniqueFd poll(::epoll_create1(EPOLL_CLOEXEC));
  std::uint64_t sent = 0;
  const auto mark = request.find("NNNNNNNN");
  std::string text = request;
  const auto send = [&](Client& c) {
    if (mark != std::string::npos) text.replace(mark, 8, fmt::format("{:08}", ++sent));
    if (::send(c.fd.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("send");
  };
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].fd = sandbox::UniqueFd(connected(port));
    epoll_event event{EPOLLIN, {.u64 = i}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, clients[i].fd.get(), &event);
    send(clients[i]);
  }
  std::uint64_t answers = 0;
  const auto start = Clock::now();
  const auto until = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<epoll_event> events(clients.size());
  std::vector<char> bytes(1U << 20U);
  while (Clock::now() < until) {
    const int ready = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < ready; ++i) {
      Client& c = clients[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t got = ::recv(c.fd.get(), bytes.data(), bytes.size(), 0);
      if (got <= 0) throw std::runtime_error("the server closed a connection");
      c.buffer.append(bytes.data(), static_cast<std::size_t>(got));
      const auto head = c.buffer.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      if (c.buffer[9] != '2') throw std::runtime_error(c.buffer.substr(0, 500));
      auto length = c.buffer.find("ontent-Length: ");
      if (length == std::string::npos || length > head) length = c.buffer.find("ontent-length: ");
      const std::size_t size = head + 4 + std::stoul(c.buffer.substr(length + 15));
      if (c.buffer.size() < size) continue;
      c.buffer.clear();
      ++answers;
      send(c);
    }
  }
  return static_cast<double>(answers) * 1000 / milliseconds_since(start);
}

std::string get(const std::string& path, const std::string& headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers);
}
std::string post(const std::string& path, const std::string& headers, const std::string& body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", path,
      headers, body.size(), body);
}

void run_sql(const std::string& database, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_open(database.c_str(), &db);
  sqlite3_busy_timeout(db, 60'000);
  char* problem = nullptr;
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &problem) != SQLITE_OK) throw std::runtime_error(problem);
  sqlite3_close(db);
}

// One execution per millisecond, starting an hour ago: recent enough that tidying leaves them alone.
std::int64_t first_millisecond() {
  static const std::int64_t kFirst = now_us() / 1000 - 3'600'000;
  return kFirst;
}
std::string execution_id(std::int64_t i) {
  const std::int64_t ms = first_millisecond() + i;
  return fmt::format("{:08x}-{:04x}-7000-8000-{:012x}", ms >> 16, ms & 65535, i);
}

void add_executions(const std::string& database, int from, int count, const std::string& workflow) {
  run_sql(
      database,
      fmt::format("WITH RECURSIVE n(i) AS (SELECT {0} UNION ALL SELECT i+1 FROM n WHERE i<{1}) INSERT INTO "
                  "workflow_executions (id, workflow_id, workflow_name, status, mode, started_at, completed_at, "
                  "duration_ms, isolation_level, owner, outcome, python_version) SELECT "
                  "printf('%08x-%04x-7000-8000-%012x', ({2}+i)>>16, ({2}+i)&65535, i), '{3}', 'bench', "
                  "CASE i%20 WHEN 0 THEN 'failed' ELSE 'completed' END, 'manual', i, i+1000, 1.5, 2, 'x', 'completed', "
                  "'3.11' FROM n; PRAGMA wal_checkpoint(TRUNCATE);",
                  from, from + count - 1, first_millisecond(), workflow));
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Target {
  std::string name;
  unsigned short port = 0;
  std::string request;
  std::vector<double> rates;
};

// Measures the targets in turn, round by round, so that a noisy moment affects all of them.
void race(std::vector<Target>& targets, int connections) {
  for (int round = 0; round < 5; ++round)
    for (Target& target : targets) target.rates.push_back(rate(target.port, target.request, connections, 1));
}

void compare(const std::string& what, std::vector<Target> targets, int connections = 32) {
  race(targets, connections);
  fmt::print("\n  {} ({} connections)\n", what, connections);
  const double own = median_of(targets.front().rates);
  for (const Target& target : targets) {
    const double value = median_of(target.rates);
    row("  " + target.name, value, "/s",
        &target == &targets.front() ? "" : fmt::format("qflow: {:.2f} times", own / value));
  }
}

struct Servers {
  std::unique_ptr<test::Daemon> qflow;
  std::unique_ptr<test::Program> hello, fastapi;
  unsigned short hello_port = 0, fastapi_port = 0;
  std::string workflow;
};

void start_others(Servers& servers) {
  servers.hello = std::make_unique<test::Program>(std::vector<std::string>{test::bin("qflow-bench-hello")});
  servers.hello_port = static_cast<unsigned short>(std::stoi(servers.hello->line(std::chrono::seconds(10))));
  // A copy of the database as it is now.
  const std::string copy = servers.qflow->directory()->path() + "/fastapi.db";
  const std::string source = servers.qflow->directory()->path() + "/data/qflow.db";
  run_sql(source, "PRAGMA wal_checkpoint(TRUNCATE)");
  fs::remove(copy);
  fs::copy_file(source, copy);
  // A port that is free now; uvicorn gets no socket from us.
  sandbox::UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size);
  servers.fastapi_port = ntohs(address.sin_port);
  probe.reset();
  test::Program::Options options;
  options.environment = {{"DATABASE", copy}, {"PYTHONPATH", test::source("tests/bench")}};
  servers.fastapi = std::make_unique<test::Program>(
      std::vector<std::string>{"/usr/bin/uvicorn", "--workers", "2", "--log-level", "error", "--port",
                               std::to_string(servers.fastapi_port), "fastapi_server:app"},
      options);
  test::eventually(
      [&] {
        try {
          return rate(servers.fastapi_port, get("/workflows/" + servers.workflow, ""), 1, 0.1) > 0;
        } catch (const std::exception&) {
          return false;
        }
      },
      std::chrono::seconds(30));
}

// uvicorn ends its workers only on SIGTERM; if it is killed, they keep running.
void stop_others(Servers& servers) {
  servers.fastapi->signal(SIGTERM);
  servers.fastapi->wait(std::chrono::seconds(20));
  servers.fastapi.reset();
  servers.hello.reset();
}

void compare_all(Servers& servers, const std::string& size) {
  const std::string proof = servers.qflow->authorization();
  const unsigned short port = servers.qflow->port();
  const std::string hello = get("/", "");
  const std::string one = "/workflows/" + servers.workflow;
  compare("GET of a workflow, " + size, {{"qflow", port, get(one, proof), {}},
                                         {"bare Beast hello", servers.hello_port, hello, {}},
                                         {"FastAPI + SQLAlchemy", servers.fastapi_port, get(one, ""), {}}});
  compare("GET of a workflow, each request new so that nothing is cached, " + size,
          {{"qflow", port, get(one + "?n=NNNNNNNN", proof), {}},
           {"FastAPI + SQLAlchemy", servers.fastapi_port, get(one + "?n=NNNNNNNN", ""), {}}});
  compare("a page of 50 executions, " + size,
          {{"qflow", port, get("/executions?limit=50", proof), {}},
           {"bare Beast hello", servers.hello_port, hello, {}},
           {"FastAPI + SQLAlchemy", servers.fastapi_port, get("/executions?limit=50", ""), {}}});
  json::object body = test::chain({test::node("a", "def a(x=1): return x"), test::node("b", "def b(x): return x + 1")});
  body["name"] = "bench";
  const std::string text = json::serialize(body);
  compare("POST of a workflow, " + size,
          {{"qflow", port, post("/workflows", proof, text), {}},
           {"FastAPI + SQLAlchemy", servers.fastapi_port, post("/workflows", "", text), {}}});
}

}  // namespace

void http_costs() {
  fmt::print("\n9. HTTP, two server threads or processes each, one client thread\n");
  Servers servers;
  servers.qflow = std::make_unique<test::Daemon>();
  const std::string database = servers.qflow->directory()->path() + "/data/qflow.db";
  json::object body = test::chain({test::node("a", "def a(x=1): return x"), test::node("b", "def b(x): return x + 1")});
  body["name"] = "bench";
  servers.workflow = servers.qflow->store(body);
  add_executions(database, 1, 1000, servers.workflow);
  start_others(servers);
  compare_all(servers, "1,000 executions");
  stop_others(servers);

  // Uncached: each page is a different one, so that the store answers every time.
  const auto deep_pages = [&](int around) {
    Sample sample;
    test::Connection own(servers.qflow->port());  // not the client that checks answers against the description
    for (int i = 0; i < 300; ++i) {
      const std::string id = execution_id(around + i);
      sample.times.push_back(milliseconds(
          [&] { own.call("GET", "/executions?limit=50&lastId=" + id, "", servers.qflow->authorization()); }));
    }
    return sample.at(0.5);
  };
  const double first = deep_pages(500);
  const auto failed_pages = [&](const std::string& salt) {
    test::Connection own(servers.qflow->port());
    int i = 0;
    return repeat(200,
                  [&] {
                    own.call("GET", fmt::format("/executions?limit=50&status=failed&{}={}", salt, ++i), "",
                             servers.qflow->authorization());
                  })
        .at(0.5);
  };
  const double by_status = failed_pages("a");
  add_executions(database, 1001, 999'000, servers.workflow);
  start_others(servers);
  compare_all(servers, "1,000,000 executions");
  stop_others(servers);
  fmt::print("\n  A page of 50, uncached, by key\n");
  const double newest = deep_pages(999'000), middle = deep_pages(500'000), oldest = deep_pages(600);
  row("  of 1,000", first, "ms");
  row("  of 1,000,000, the newest", newest, "ms", fmt::format("{:.2f} times", newest / first));
  row("  of 1,000,000, in the middle", middle, "ms", fmt::format("{:.2f} times", middle / first));
  row("  of 1,000,000, the oldest", oldest, "ms", fmt::format("{:.2f} times", oldest / first));
  const double by_status_late = failed_pages("b");
  row("  by status, of 1,000", by_status, "ms");
  row("  by status, of 1,000,000", by_status_late, "ms", fmt::format("{:.2f} times", by_status_late / by_status));

  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  test::Daemon fresh;
  const auto resident = [&] {
    std::ifstream status(fmt::format("/proc/{}/status", fresh.program().pid()));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    return 0.0;
  };
  const double before = resident();
  std::vector<sandbox::UniqueFd> idle;
  for (int i = 0; i < 10'000; ++i) idle.emplace_back(connected(fresh.port()));
  rate(fresh.port(), get("/health", ""), 1, 0.5);
  row("10,000 idle connections", resident() - before, "MiB");
}

}  // namespace qflow::bench
