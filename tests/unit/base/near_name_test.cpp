#include <doctest/doctest.h>

#include "daemon/base/near_name.hpp"

using namespace qflow;

TEST_CASE("the name that was probably meant") {
  const std::vector<std::string> known{"connections", "settings", "file", "input_data", "n", "name"};
  CHECK(near_name("connectoins", known) == "connections");
  CHECK(near_name("setings", known) == "settings");
  CHECK(near_name("fiel", known) == "file");
  CHECK(near_name("input", known) == "input_data");
  CHECK(near_name("N", known) == "n");
  CHECK(near_name("nmae", known) == "name");
  CHECK(near_name("colour", known).empty());
  CHECK(near_name("", known).empty());
  CHECK(near_name(std::string(1000, 'x'), known).empty());
  CHECK(did_you_mean("Name", known) == "; did you mean name?");
}
