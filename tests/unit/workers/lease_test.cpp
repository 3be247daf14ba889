#include <doctest/doctest.h>
#include <signal.h>

#include "tests/unit/workers/real_pool.hpp"

using namespace qflow;

TEST_CASE("a lease gives its worker back when it ends, a turn later") {
  test::RealPool real;
  pid_t pid = 0;
  {
    const workers::Lease lease = real.take();
    REQUIRE(lease);
    pid = lease->pid();
    CHECK(lease->alive());
    CHECK(real.pool.running().size() == 1);
  }
  CHECK(real.pool.running().size() == 1);  // whoever waits for an answer goes first
  real.poll();
  CHECK(real.pool.running().empty());
  CHECK(test::eventually([&] { return ::kill(pid, 0) != 0; }));
}

TEST_CASE("a moved lease gives back once; an assigned one gives back what it held") {
  test::RealPool real;
  workers::Lease first = real.take();
  const workers::Worker* worker = &*first;
  workers::Lease second = std::move(first);
  CHECK_FALSE(first);  // NOLINT: a moved lease is empty
  CHECK(&*second == worker);
  first.give_back();  // nothing
  real.poll();
  CHECK(real.pool.running().size() == 1);
  second = real.take();
  real.poll();
  CHECK(real.pool.running().size() == 1);
  CHECK(&*second != worker);
  workers::Lease& itself = second;
  second = std::move(itself);
  real.poll();
  CHECK(second->alive());
  second.give_back();
  CHECK_FALSE(second);
  real.poll();
  CHECK(real.pool.running().empty());
}
