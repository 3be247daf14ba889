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

#include "tests/support/flow_documents.hpp"
#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

using Clock = std::chrono::steady_clock;

// What clients were told.
struct Journal {
  std::mutex mutex;
  std::vector<std::string> workflows, deleted;
  std::vector<std::string> accepted;             ///< executions answered with 202
  std::map<std::string, std::string> seen;       ///< execution → what its record said of its first step
  std::map<std::string, std::string> completed;  ///< execution → its output, which no other run would have
};

// The daemon that is up, and how to reach it.
struct Target {
  std::atomic<unsigned short> port{0};
  std::string authorization;  ///< the same for all: sessions and their key are on disk
};

json::value parsed(const Answer& answer) { return answer.parsed(); }

// Gives a value that no other run of the node gives.
json::object mark(unsigned milliseconds) {
  return code("mark", "import os, time\ndef f():\n    time.sleep(" + std::to_string(milliseconds) +
                          " / 1000)\n    return os.urandom(12).hex()");
}

json::object last() { return code("last", "def h(x): return {'mark': x}"); }

json::object unique_work(unsigned milliseconds) {
  return flow_of({mark(milliseconds), code("pass", "def g(x): return x"), last()}, {"mark > pass", "pass > last"});
}

// Through a loop and two branches; what comes out shows that all of them ran.
json::object winding_work(unsigned milliseconds) {
  json::object flow = flow_of(
      {mark(milliseconds), code("items", "def items(x): return [x] * 5"),
       flow_node("loop", "for_each", {{"parallel", milliseconds % 3 + 1}}), code("body", "def body(x): return x"),
       code("left", "import time\ndef left(all):\n    time.sleep(0.02)\n    return all[0]"),
       code("right", "import time\ndef right(all):\n    time.sleep(0.02)\n    return len(all)"),
       code("join", "def join(x, n):\n    assert n == 5\n    return x"), last()},
      {"mark > items", "items > loop", "loop.item > body", "body > loop.1", "loop.done > left", "loop.done > right",
       "left > join", "right > join.1", "join > last"});
  flow["settings"] = json::object{{"parallel", "on"}};
  return flow;
}

// Goes on after a crash; or waits meanwhile.
json::object lasting_work(unsigned milliseconds, bool waits) {
  json::object slow = code("pass", "import time\ndef g(x):\n    time.sleep(0.4)\n    return x", {{"idempotent", true}});
  json::object flow =
      flow_of({mark(milliseconds), waits ? flow_node("pass", "wait", {{"seconds", 10.5}}) : std::move(slow), last()},
              {"mark > pass", "pass > last"});
  flow["settings"] = json::object{{"onCrash", "resume"}, {"checkpoint", "all"}};
  return flow;
}

json::object some_work(std::mt19937& random) {
  const unsigned milliseconds = random() % 60;
  const unsigned kind = random() % 8;
  if (kind < 4) return unique_work(milliseconds);
  if (kind < 6) return winding_work(milliseconds);
  return lasting_work(milliseconds, kind == 7);
}

std::string mark_in(const json::value& execution) {
  return text(execution.at("data").at("outputs").at("last").at("mark"));
}

// Of the step "mark"; empty: it has not ended.
std::string first_mark(const json::value& execution) {
  const json::object& runs = execution.at("data").at("resultData").at("runData").as_object();
  if (!runs.contains("mark")) return {};
  const json::value& value = runs.at("mark").as_array().back().at("qflow").at("value");
  return value.is_string() ? text(value) : "";
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
      const Answer made = call(connection, "POST", "/workflows", some_work(random_));
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
    } else if (what < 7) {
      look_at_one(connection);
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

  // What is recorded of a step that has ended, and kept, holds whatever is killed later.
  void look_at_one(Connection& connection) {
    std::string id;
    {
      const std::lock_guard lock(journal_.mutex);
      if (journal_.accepted.empty()) return;
      id =
          journal_
              .accepted[journal_.accepted.size() - 1 - random_() % std::min<std::size_t>(20, journal_.accepted.size())];
    }
    const Answer now = call(connection, "GET", "/executions/" + id);
    if (now.status != 200) return;
    const std::string value = first_mark(parsed(now));
    const std::lock_guard lock(journal_.mutex);
    if (value.empty()) return;
    const auto [known, added] = journal_.seen.emplace(id, value);
    if (!added) CHECK_MESSAGE(known->second == value, id);
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
  const auto all_over = [&] {
    return daemon->get("/executions/active")["count"] == 0 && daemon->get("/executions?status=waiting")["count"] == 0;
  };
  REQUIRE(eventually(all_over, std::chrono::seconds(60)));
  // Nothing that was answered is lost, and nothing that finished has run again.
  for (const auto& [id, mark] : journal.completed) {
    const Answer now = daemon->get("/executions/" + id);
    REQUIRE_MESSAGE(now.status == 200, id);
    CHECK_MESSAGE(text(now["status"]) == "completed", id);
    CHECK_MESSAGE(mark_in(parsed(now)) == mark, id);
    CHECK(first_mark(parsed(now)) == mark);
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
  // What had ended and was kept has not run twice, where the execution went on.
  int went_on = 0;
  for (const auto& [id, value] : journal.seen) {
    const json::value now = parsed(daemon->get("/executions/" + id));
    CHECK_MESSAGE(first_mark(now) == value, id);
    if (text(now.at("status")) == "completed") CHECK_MESSAGE(mark_in(now) == value, id);
    ++went_on;
  }
  MESSAGE(went_on << " were looked at while they ran or waited");
  for (const auto& [status, count] : ends) MESSAGE(status << ": " << count);
  for (const std::string& id : journal.workflows) CHECK(daemon->get("/workflows/" + id).status == 200);
  for (const std::string& id : journal.deleted) CHECK(daemon->get("/workflows/" + id).status == 404);
  CHECK(journal.completed.size() > 20);
}
