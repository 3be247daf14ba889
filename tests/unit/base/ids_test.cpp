#include <doctest/doctest.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"

using namespace qflow;

TEST_CASE("ids sort by time and are well-formed") {
  std::string last;
  for (int i = 0; i < 5000; ++i) {
    const std::string id = new_id();
    CHECK(id > last);
    last = id;
  }
  CHECK(last.size() == 36);
  CHECK(last[14] == '7');
}

TEST_CASE("an id at a time bounds the ids made then") {
  const std::string id = new_id();
  CHECK(first_id_at(now_us() + 1'000'000) > id);
  CHECK(first_id_at(now_us() - 1'000'000) < id);
}
