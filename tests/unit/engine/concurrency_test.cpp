#include <doctest/doctest.h>

#include <vector>

#include "daemon/engine/concurrency.hpp"

using namespace qflow;
using namespace qflow::engine;

namespace {

struct Group {
  explicit Group(unsigned limit) : rule{limit, flow::Overlap::queue, "g"} {}
  void ask(const std::string& id) {
    asio::co_spawn(io, one(id), asio::detached);
    poll();
  }
  Task<> one(std::string id) {
    Membership member = all.join(rule, id);
    const bool runs = co_await member.wait();
    (runs ? started : refused).push_back(id);
    if (runs) held.emplace(id, std::move(member));
  }
  void end(const std::string& id) {
    held.erase(id);
    poll();
  }
  void poll() {
    io.restart();
    io.poll();
  }
  asio::io_context io;
  ConcurrencyRule rule;
  Concurrency all{io.get_executor()};
  std::map<std::string, Membership> held;
  std::vector<std::string> started, refused;
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("as many of a group run as its limit says, the others in the order in which they came") {
  Group group(2);
  for (const char* id : {"a", "b", "c", "d"}) group.ask(id);
  CHECK(group.started == Ids{"a", "b"});
  group.end("b");
  CHECK(group.started == Ids{"a", "b", "c"});
  group.end("a");
  group.end("c");
  CHECK(group.started == Ids{"a", "b", "c", "d"});
  group.end("d");
  CHECK_FALSE(group.all.full(group.rule));
}

TEST_CASE("groups do not hold up one another") {
  Group group(1);
  group.ask("a");
  group.rule.group = "other";
  group.ask("b");
  CHECK(group.started == Ids{"a", "b"});
}

TEST_CASE("one that is cancelled while it waits leaves its turn to the next") {
  Group group(1);
  for (const char* id : {"a", "b", "c"}) group.ask(id);
  group.all.cancel("b");
  group.poll();
  CHECK(group.refused == Ids{"b"});
  group.end("a");
  CHECK(group.started == Ids{"a", "c"});
  group.all.cancel_all();
}

TEST_CASE("those in the way of one more are the oldest") {
  Group group(2);
  CHECK(group.all.in_the_way(group.rule).empty());
  for (const char* id : {"a", "b", "c"}) group.ask(id);
  CHECK(group.all.in_the_way(group.rule) == Ids{"a", "b"});
}

TEST_CASE("the newest limit counts for all") {
  Group group(1);
  for (const char* id : {"a", "b", "c"}) group.ask(id);
  group.rule.limit = 3;
  group.ask("d");
  CHECK(group.started == Ids{"a", "b", "c"});
  group.rule.limit = 1;
  group.ask("e");
  group.end("a");
  group.end("b");
  CHECK(group.started == Ids{"a", "b", "c"});
  group.end("c");
  CHECK(group.started == Ids{"a", "b", "c", "d"});
}

TEST_CASE("a member may outlive the groups") {
  Membership kept;
  {
    asio::io_context io;
    Concurrency all(io.get_executor());
    kept = all.join({1, flow::Overlap::queue, "g"}, "a");
    CHECK(kept.may_run());
    Membership second = all.join({1, flow::Overlap::queue, "g"}, "b");
    CHECK(second.behind() == 1);
  }
  kept.leave();
}
