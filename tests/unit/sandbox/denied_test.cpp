#include <doctest/doctest.h>

#include "sandbox/denied.hpp"

using namespace qflow::sandbox;

TEST_CASE("a report of a denied call is read back, and nothing else is") {
  DeniedCall call;
  CHECK(parse_denial("00000029:0000000000000002:0000000000000001\n", call));
  CHECK(call == DeniedCall{41, {2, 1}});
  for (const char* bad : {"", "00000029", "00000029:2:1\n", "0000002X:0000000000000002:0000000000000001\n",
                          "00000029:0000000000000002:0000000000000001x"})
    CHECK_FALSE(parse_denial(bad, call));
  const Denial denial = explain({41, {2, 1}});
#ifdef __x86_64__
  CHECK(denial.act == "socket(AF_INET)");
  CHECK(denial.reason == "network is off for this node");
  CHECK(denial.setting == "sandbox.network");
#endif
  CHECK(explain({-5, {0, 0}}).act == "system call -5");
  CHECK(explain({99999, {0, 0}}).reason == "this part of the kernel is closed to nodes");
}
