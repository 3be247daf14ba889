#include <doctest/doctest.h>

#include "daemon/base/byte_budget.hpp"

using qflow::ByteBudget;

TEST_CASE("a budget has a bound for all and a share for each") {
  ByteBudget budget(100, 60);
  auto first = budget.take("a", 50);
  REQUIRE(first);
  CHECK_FALSE(budget.take("a", 20));  // above a's share
  auto second = budget.take("b", 50);
  REQUIRE(second);
  CHECK_FALSE(budget.take("c", 1));  // all is taken
  first.reset();
  CHECK(budget.held() == 50);
  CHECK(budget.take("c", 50));
}

TEST_CASE("a hold gives back what it no longer needs") {
  ByteBudget budget(100, 60);
  auto first = budget.take("a", 50);
  auto second = budget.take("a", 10);
  REQUIRE((first && second));
  first->shrink_to(80);  // never more
  CHECK(budget.held() == 60);
  first->shrink_to(0);
  CHECK(budget.held() == 10);
  second.reset();
  first.reset();
  CHECK(budget.held() == 0);
  CHECK(budget.take("a", 60));
}

TEST_CASE("what is larger than a bound is granted when nobody is in its way") {
  ByteBudget budget(100, 60);
  auto large = budget.take("a", 1000);
  REQUIRE(large);
  CHECK_FALSE(budget.take("b", 1));
  large.reset();
  CHECK(budget.held() == 0);
  CHECK(budget.take("b", 1));
}
