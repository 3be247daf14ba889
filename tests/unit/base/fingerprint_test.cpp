#include <doctest/doctest.h>

#include "daemon/base/fingerprint.hpp"

using namespace qflow;

TEST_CASE("texts are kept apart by their lengths") {
  const auto of = [](std::initializer_list<std::string_view> texts) {
    Fingerprint print;
    for (const auto text : texts) print.add(text);
    return print.hex();
  };
  CHECK(of({"ab", "c"}) == of({"ab", "c"}));
  CHECK(of({"ab", "c"}) != of({"a", "bc"}));
  CHECK(of({"ab"}) != of({"ab", ""}));
  CHECK(of({}).size() == 64);
  CHECK(Fingerprint().bytes().size() == 32);
}
