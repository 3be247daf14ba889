#include <doctest/doctest.h>

#include "daemon/cli/flow_file.hpp"

using namespace qflow;

TEST_CASE("the line of a JSON pointer in a document") {
  const std::string text =
      "{\n  \"a\": [\n    1,\n    {\"b/c\":\n      \"}\\\"]\",\n     \"d\": -1.5e3}\n  ],\n  \"e\": {}\n}\n";
  const auto line = [&](const char* pointer) { return qflow::cli::line_of(text, pointer); };
  CHECK(line("") == 1);
  CHECK(line("/a") == 2);
  CHECK(line("/a/0") == 3);
  CHECK(line("/a/1") == 4);
  CHECK(line("/a/1/b~1c") == 5);
  CHECK(line("/a/1/d") == 6);
  CHECK(line("/e") == 8);
  CHECK(line("/a/1/nothing") == 4);
  CHECK(line("/nothing") == 1);
}
