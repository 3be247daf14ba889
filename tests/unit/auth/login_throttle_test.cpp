#include <doctest/doctest.h>

#include "daemon/auth/login_throttle.hpp"

using namespace qflow;

TEST_CASE("guessing passwords gets slower") {
  auth::LoginThrottle throttle;
  for (int i = 0; i < 4; ++i) throttle.failed("a");
  CHECK(throttle.wait("a").count() == 0);
  throttle.failed("a");
  CHECK(throttle.wait("a").count() == 1);
  for (int i = 0; i < 4; ++i) throttle.failed("a");
  CHECK(throttle.wait("a").count() >= 15);
  CHECK(throttle.wait("b").count() == 0);
  throttle.succeeded("a");
  CHECK(throttle.wait("a").count() == 0);
}
