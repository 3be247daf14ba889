#include <doctest/doctest.h>

#include "daemon/cli/runtime.hpp"

using namespace qflow;

TEST_CASE("terminal text has no control characters") {
  CHECK(cli::printable("a\x1b[31mb\x07\n\t") == "a\u241b[31mb\u2407\n\t");
  CHECK(cli::printable("x\u009b31m\u202ey\u2066é") == "x\uFFFD31m\uFFFDy\uFFFDé");
}
