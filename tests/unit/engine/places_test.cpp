#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "daemon/engine/places.hpp"

using namespace qflow;
using engine::Place;
using engine::Places;
using engine::Priority;

namespace {

/// Executions that ask for places in one event loop; `started` has their keys in the order in which they got one.
struct Crowd {
  explicit Crowd(unsigned count) : places(io.get_executor(), count) {}
  void ask(const std::string& user, int count, Priority priority = Priority::first) {
    for (int i = 0; i < count; ++i)
      asio::co_spawn(io, one(user + std::to_string(numbers[user]++), user, priority), asio::detached);
    poll();
  }
  Task<> one(std::string key, std::string user, Priority priority) {
    Place place = places.take_at_once(user);
    if (!place) place = co_await places.wait(key, user, priority);
    (place ? started : refused).push_back(key);
    if (place) held[user].push_back(std::move(place));
  }
  void end(const std::string& user) {
    held[user].pop_front();
    poll();
  }
  void poll() {
    io.restart();
    io.poll();
  }
  asio::io_context io;
  std::map<std::string, int> numbers;
  Places places;
  std::map<std::string, std::deque<Place>> held;
  std::vector<std::string> started, refused;
};

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("a second user starts at once, however many executions the first one has") {
  Crowd crowd(4);
  crowd.ask("a", 100);
  CHECK(crowd.started == Keys{"a0", "a1", "a2"});  // the last place is for somebody who has none
  crowd.ask("b", 2);
  CHECK(crowd.started == Keys{"a0", "a1", "a2", "b0"});
}

TEST_CASE("of one user's, what somebody waits for comes before what goes off by itself, and that before retries") {
  Crowd crowd(1);
  crowd.ask("a", 1);
  crowd.ask("a", 1, Priority::last);
  crowd.ask("a", 1, Priority::later);
  CHECK(crowd.places.position("a") == 1);
  CHECK(crowd.places.position("a", Priority::last) == 3);
  crowd.ask("a", 2);
  CHECK(crowd.places.waiting(Priority::first) == 2);
  CHECK(crowd.places.waiting(Priority::last) == 1);
  for (int i = 0; i < 4; ++i) crowd.end("a");
  CHECK(crowd.started == Keys{"a0", "a3", "a4", "a2", "a1"});
  CHECK(crowd.places.waiting(Priority::last) == 0);
  CHECK(engine::priority_of("webhook") == Priority::first);
  CHECK(engine::priority_of("error") == Priority::later);
}

TEST_CASE("places are given in turn") {
  Crowd crowd(2);
  crowd.ask("a", 3);
  crowd.ask("b", 3);
  crowd.ask("c", 1);
  CHECK(crowd.started == Keys{"a0", "b0"});
  crowd.end("a");
  CHECK(crowd.started.back() == "c0");
  crowd.end("c");
  CHECK(crowd.started.back() == "a1");
  crowd.end("b");
  CHECK(crowd.started.back() == "b1");
  crowd.end("b");
  CHECK(crowd.started.back() == "b2");
}

TEST_CASE("with one place it is everybody's") {
  Crowd crowd(1);
  crowd.ask("a", 2);
  CHECK(crowd.started == Keys{"a0"});
  crowd.end("a");
  CHECK(crowd.started == Keys{"a0", "a1"});
  crowd.end("a");
}

TEST_CASE("a cancelled one leaves the queue, and its place goes to the next") {
  Crowd crowd(1);
  crowd.ask("a", 3);
  crowd.places.cancel("a1");
  crowd.places.cancel("nobody");
  crowd.poll();
  CHECK(crowd.refused == Keys{"a1"});
  crowd.end("a");
  CHECK(crowd.started == Keys{"a0", "a2"});
}

TEST_CASE("no more are accepted than may wait, from however many threads") {
  asio::io_context io;
  Places places(io.get_executor(), 1);
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  std::array<std::vector<std::shared_ptr<engine::Ticket>>, 4> kept;
  for (auto& own : kept)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        if (auto ticket = places.admit(100, "a")) {
          ++accepted;
          own.push_back(std::move(ticket));
        }
    });
  for (auto& thread : threads) thread.join();
  CHECK(accepted == 100);
  CHECK(places.waiting() == 100);
  for (auto& own : kept) own.clear();
  CHECK(places.waiting() == 0);
}

TEST_CASE("whoever is admitted knows whether there is probably a place") {
  asio::io_context io;
  Places places(io.get_executor(), 2);
  auto first = places.admit(10, "a");
  CHECK_FALSE(places.full());
  Place place = places.take_at_once("a");
  REQUIRE(place);
  first.reset();
  auto second = places.admit(10, "a");
  CHECK_FALSE(places.full());
  auto third = places.admit(10, "a");
  CHECK(places.full());  // one place, and two who have been admitted
}

TEST_CASE("a place is given back once, by whoever holds it last, and may outlive the places") {
  asio::io_context io;
  Place kept;
  {
    Places places(io.get_executor(), 1);
    Place first = places.take_at_once("a");
    REQUIRE(first);
    CHECK_FALSE(places.take_at_once("b"));
    Place moved = std::move(first);
    first.give_back();
    CHECK_FALSE(places.take_at_once("b"));
    moved.give_back();
    moved.give_back();
    kept = places.take_at_once("b");
    CHECK(kept);
    CHECK_FALSE(places.take_at_once("a"));
    kept = places.take_at_once("a");  // assigned before the old one is gone: still none
    CHECK_FALSE(kept);
    kept = places.take_at_once("a");
    CHECK(kept);
  }
  CHECK_FALSE(kept);
}

TEST_CASE("a user of whom nobody waits is admitted, however many others wait") {
  asio::io_context io;
  Places places(io.get_executor(), 1);
  std::vector<std::shared_ptr<engine::Ticket>> crowd;
  for (int i = 0; i < 3; ++i) crowd.push_back(places.admit(3, "a"));
  CHECK_FALSE(places.admit(3, "a"));
  const auto other = places.admit(3, "b");
  CHECK(other);
  CHECK_FALSE(places.admit(3, "b"));
  crowd.clear();
  CHECK(places.waiting() == 1);
  CHECK(places.admit(3, "b"));
}
