#include <doctest/doctest.h>

#include "daemon/base/time.hpp"

using namespace qflow;

TEST_CASE("times are read as they are written") {
  CHECK(parse_time("1970-01-01T00:00:01.500Z") == 1'500'000);
  CHECK(parse_time("1970-01-02") == 86'400'000'000);
  CHECK(parse_time("1970-01-01T02:00:00+02:00") == 0);
  CHECK(iso_time(*parse_time("2026-11-22T20:54:50.762Z")) == "2026-11-22T20:54:50.762Z");
  for (const char* bad :
       {"", "soon", "2026-13-01", "2026-11-22T20:54:50.762Zx", "2026-11-22T", "2026-11-22T20:54:50.7120+6:00x"})
    CHECK_FALSE(parse_time(bad));
}

TEST_CASE("times are written to the millisecond") {
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1'795'000'000'123'456) == "2026-11-18T11:06:40.123Z");
}
