// Daemon, zygotes and workers are killed at random under load, and a journal of what clients were told is held against
// the store: nothing that was answered is lost, nothing that finished runs twice, nothing is stuck. 30 seconds, or as
// long as QFLOW_CHAOS_SECONDS says; the seed is printed, and QFLOW_CHAOS_SEED repeats it.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

using Clock = std::chrono::steady_clock;

// What clients were told.
struct Journal {
  std::mutex mutex;
  std::vector<std::string> workflows, deleted;
  std::vector<std::string> accepted;             ///< executions answered with 202
  std::map<std::string, std::string> completed;  ///< execution → its output, which no other run would have
};

// The daemon that is up, and how to reach it.
struct Target {
  std::atomic<unsigned short> port{0};
  std::string authorization;  ///< the same for all: sessions and their key are on disk
};

json::value parsed(const Answer& answer) { return answer.parsed(); }

// A value that no other run of the node gives.
json::object unique_work(int milliseconds) {
  return chain({node("mark", "import os, time\ndef f():\n    time.sleep(" + std::to_string(milliseconds) +
                                 " / 1000)\n    return os.urandom(12).hex()"),
                node("pass", "def g(x): return x"), node("last", "def h(x): return {'mark': x}")});
}

std::string mark_in(const json::value& execution) {
  return text(execution.at("data").at("outputs").at("last").at("mark"));
}

class Client {
 public:
  Client(Target& target, Journal& journal, unsigned seed) : target_(target), journal_(journal), random_(seed) {}

  void act() {
    try {
      Connection connection(target_.port);
      for (int i = 0; i < 8; ++i) act_on(connection);
    } catch (const std::exception&) {
      ::usleep(20'000);  // nobody listens just now
    }
  }

 private:
  Answer call(Connection& connection, const std::string& method, const std::string& path,
              const json::value& body = nullptr) {
    Answer answer = connection.call(method, path, body.is_null() ? "" : json::serialize(body), target_.authorization);
    if (answer.status == 0) throw std::runtime_error("cut off");
    REQUIRE_MESSAGE(answer.status != 500, answer.body);
    return answer;
  }

  void act_on(Connection& connection) {
    const unsigned what = random_() % 10;
    if (what < 2) {
      const Answer made = call(connection, "POST", "/workflows", unique_work(static_cast<int>(random_() % 60)));
      if (made.status != 201) return;
      const std::lock_guard lock(journal_.mutex);
      journal_.workflows.push_back(text(made["id"]));
    } else if (what < 3) {
      const std::string id = some_workflow(true);
      if (id.empty()) return;
      const Answer gone = call(connection, "DELETE", "/workflows/" + id);
      const std::lock_guard lock(journal_.mutex);
      if (gone.status == 200) journal_.deleted.push_back(id);
    } else if (what < 6) {
      const std::string id = some_workflow(false);
      if (id.empty()) return;
      const Answer started = call(connection, "POST", "/workflows/" + id + "/execute");
      if (started.status != 202) return;
      const std::lock_guard lock(journal_.mutex);
      journal_.accepted.push_back(text(started["id"]));
    } else if (what < 9) {
      const std::string id = some_workflow(false);
      if (id.empty()) return;
      const Answer ran = call(connection, "POST", "/workflows/" + id + "/execute?wait=20");
      if (ran.status != 200) return;
      const json::value execution = parsed(ran);
      const std::lock_guard lock(journal_.mutex);
      if (text(execution.at("status")) == "completed")
        journal_.completed[text(execution.at("id"))] = mark_in(execution);
      else journal_.accepted.push_back(text(execution.at("id")));
    } else {
      call(connection, "GET", "/executions?limit=20");
    }
  }

  // Any that was made; with `take`, one that nobody else takes.
  std::string some_workflow(bool take) {
    const std::lock_guard lock(journal_.mutex);
    auto& all = journal_.workflows;
    if (all.size() < 3) return {};
    const std::size_t at = random_() % all.size();
    const std::string id = all[at];
    if (take) all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
    return id;
  }

  Target& target_;
  Journal& journal_;
  std::mt19937 random_;
};

long number_in(const char* name, long fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : std::atol(value);
}

}  // namespace

TEST_CASE("a journal of answers holds through kills of daemon, zygotes and workers") {
  const auto seed = static_cast<unsigned>(number_in("QFLOW_CHAOS_SEED", static_cast<long>(std::random_device()())));
  const auto until = Clock::now() + std::chrono::seconds(number_in("QFLOW_CHAOS_SECONDS", 30));
  MESSAGE("QFLOW_CHAOS_SEED=" << seed);
  std::mt19937 random(seed);
  const auto directory = std::make_shared<TempDir>();
  const auto start = [&] {
    return std::make_unique<Daemon>(std::vector<std::string>{"--max-running", "3"}, Program::Options{}, directory);
  };
  auto daemon = start();
  Journal journal;
  Target target;
  target.port = daemon->port();
  target.authorization = daemon->authorization();
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < 6; ++i)
    clients.emplace_back([&, i] {
      Client client(target, journal, seed + i + 1);
      while (!stop) client.act();
    });
  int daemons = 0, zygotes = 0, workers = 0;
  while (Clock::now() < until) {
    ::usleep(100'000 + static_cast<useconds_t>(random() % 900'000));
    const unsigned what = random() % 5;
    if (what == 0) {
      // Whatever waits now has not begun when the daemon is killed, or begins before that and may crash.
      daemon->program().signal(random() % 4 == 0 ? SIGTERM : SIGKILL);
      daemon->program().wait(std::chrono::seconds(30));
      daemon = start();
      target.port = daemon->port();
      ++daemons;
    } else if (what == 1) {
      if (const std::string zygote = daemon->zygote(); !zygote.empty()) run({"kill", "-9", zygote});
      ++zygotes;
    } else {
      const std::vector<std::string> all = daemon->workers();
      if (!all.empty()) run({"kill", "-9", all[random() % all.size()]});
      ++workers;
    }
  }
  stop = true;
  for (auto& client : clients) client.join();
  MESSAGE(daemons << " daemons, " << zygotes << " zygotes and " << workers << " workers killed; "
                  << journal.completed.size() << " executions were answered as completed, " << journal.accepted.size()
                  << " were accepted");
  // Nothing is stuck.
  REQUIRE(eventually([&] { return daemon->get("/executions/active")["count"] == 0; }, std::chrono::seconds(60)));
  // Nothing that was answered is lost, and nothing that finished has run again.
  for (const auto& [id, mark] : journal.completed) {
    const Answer now = daemon->get("/executions/" + id);
    REQUIRE_MESSAGE(now.status == 200, id);
    CHECK_MESSAGE(text(now["status"]) == "completed", id);
    CHECK_MESSAGE(mark_in(parsed(now)) == mark, id);
    CHECK(now["data"].at("resultData").at("runData").as_object().size() == 3);
  }
  std::map<std::string, int> ends;
  for (const std::string& id : journal.accepted) {
    const Answer now = daemon->get("/executions/" + id);
    REQUIRE_MESSAGE(now.status == 200, id);
    const std::string status = text(now["status"]);
    ++ends[status];
    CHECK_MESSAGE((status == "completed" || status == "crashed" || status == "failed" || status == "cancelled"),
                  status);
    if (status == "completed") CHECK(mark_in(parsed(now)).size() == 24);
  }
  for (const auto& [status, count] : ends) MESSAGE(status << ": " << count);
  for (const std::string& id : journal.workflows) CHECK(daemon->get("/workflows/" + id).status == 200);
  for (const std::string& id : journal.deleted) CHECK(daemon->get("/workflows/" + id).status == 404);
  CHECK(journal.completed.size() > 20);
}
