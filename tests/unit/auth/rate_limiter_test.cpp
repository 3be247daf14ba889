#include <doctest/doctest.h>

#include "daemon/auth/rate_limiter.hpp"

using namespace qflow;

TEST_CASE("calls are counted by client and class") {
  auth::RateLimiter limiter;
  limiter.set({3, 1, 0, 0});
  for (const std::uint64_t left : {2U, 1U, 0U}) {
    const auto verdict = limiter.take("a", auth::Rate::standard, true);
    CHECK(verdict.allowed);
    CHECK(verdict.remaining == left);
  }
  const auto refused = limiter.take("a", auth::Rate::standard, true);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.limit == 3);
  CHECK(refused.reset.count() > 3590);
  CHECK(limiter.take("b", auth::Rate::standard, true).allowed);
  CHECK(limiter.take("a", auth::Rate::executions, true).allowed);
  CHECK_FALSE(limiter.take("a", auth::Rate::executions, true).allowed);
  CHECK(limiter.take("a", auth::Rate::containers, true).limit == 0);
  CHECK(limiter.take("a", auth::Rate::none, true).allowed);
}

TEST_CASE("made-up addresses push out each other, not known users") {
  auth::RateLimiter limiter;
  limiter.set({1, 0, 0, 0});
  CHECK(limiter.take("user", auth::Rate::standard, true).allowed);
  for (int i = 0; i < 150'000; ++i) CHECK(limiter.take(std::to_string(i), auth::Rate::standard, false).allowed);
  CHECK_FALSE(limiter.take("user", auth::Rate::standard, true).allowed);
  CHECK(limiter.take("another", auth::Rate::standard, true).allowed);
}
