#include <doctest/doctest.h>

#include "daemon/flow/imports_hint.hpp"

using namespace qflow;

TEST_CASE("imports are guessed from the text") {
  CHECK(flow::imports_hint("import os, numpy as np\nfrom pandas.core import x\n  import json\nimportant = 1\nx = "
                           "'import no'\nfrom nodes.a import B\n") ==
        std::vector<std::string>{"json", "numpy", "os", "pandas"});
  CHECK(flow::imports_hint("from . import x\nimport\n").empty());
}
