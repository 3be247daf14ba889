#include <doctest/doctest.h>

#include <thread>

#include "daemon/gate/reply_cache.hpp"

using namespace qflow;

TEST_CASE("a reply is remembered for its generation and for a second") {
  gate::ReplyCache cache;
  const auto body = std::make_shared<const std::string>("{}");
  cache.put("me /x", body, 5);
  CHECK(cache.find("me /x", 5) == body);
  CHECK(cache.find("me /x", 6) == nullptr);
  CHECK(cache.find("you /x", 5) == nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  CHECK(cache.find("me /x", 5) == nullptr);
}

TEST_CASE("large replies are not remembered, and all together are bounded") {
  gate::ReplyCache cache;
  cache.put("large", std::make_shared<const std::string>(2U << 20U, 'x'), 1);
  CHECK(cache.find("large", 1) == nullptr);
  const auto half = std::make_shared<const std::string>(512U << 10U, 'x');
  for (int i = 0; i < 200; ++i) cache.put(std::to_string(i), half, 1);
  int kept = 0;
  for (int i = 0; i < 200; ++i) kept += cache.find(std::to_string(i), 1) ? 1 : 0;
  CHECK(kept <= 128);
  CHECK(kept >= 120);
}
