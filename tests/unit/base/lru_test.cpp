#include <doctest/doctest.h>

#include "daemon/base/lru.hpp"

using namespace qflow;

TEST_CASE("the entry used least recently goes first") {
  Lru<int> cache(3);
  for (const auto& [key, value] : {std::pair{"a", 1}, {"b", 2}, {"c", 3}}) cache.put(key, value);
  REQUIRE(cache.find("a") != nullptr);  // now b is the oldest
  cache.put("d", 4);
  CHECK(cache.size() == 3);
  CHECK(cache.find("b") == nullptr);
  CHECK(*cache.find("a") == 1);
  cache.put("a", 7);
  CHECK(*cache.find("a") == 7);
  CHECK(cache.size() == 3);
  cache.erase("a");
  cache.erase("nobody");
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.size() == 2);
}

TEST_CASE("weights are bounded together; one heavy entry is kept alone") {
  Lru<int> cache(100, 10);
  cache.put("a", 1, 4);
  cache.put("b", 2, 4);
  CHECK(cache.weight() == 8);
  cache.put("c", 3, 4);
  CHECK(cache.find("a") == nullptr);
  CHECK(cache.weight() == 8);
  cache.put("b", 2, 1);  // replaced, not added
  CHECK(cache.weight() == 5);
  cache.put("heavy", 4, 50);
  CHECK(cache.size() == 1);
  CHECK(*cache.find("heavy") == 4);
  cache.put("light", 5, 1);
  CHECK(cache.find("heavy") == nullptr);
  CHECK(cache.weight() == 1);
}
