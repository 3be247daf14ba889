#include <doctest/doctest.h>

#include "schema/text/parse_json.hpp"

using namespace qflow::schema;

TEST_CASE("JSON is bounded in depth and takes one document") {
  std::string error;
  parse_json(std::string(10'000, '['), error);
  CHECK(error == "nested deeper than 64 levels");
  parse_json("{} {}", error);
  CHECK(error.find("unexpected text") != std::string::npos);
  for (const char* number :
       {"123456789012345678901234567890", "18446744073709551616", "-9223372036854775809", "1e400", "[-1E+999]"}) {
    parse_json(number, error);
    CHECK_MESSAGE(error.find("needs more than 64 bits") != std::string::npos, number);
  }
  for (const char* number : {"18446744073709551615", "-9223372036854775808", "1e308", "1e-400",
                             "0.1234567890123456789012345", "\"1e400\""}) {
    parse_json(number, error);
    CHECK_MESSAGE(error.empty(), number);
  }
  CHECK(parse_json(" {\"a\": [1]} \n", error).at("a").as_array().size() == 1);
  CHECK(error.empty());
}

TEST_CASE("elements are counted outside of strings") {
  CHECK(count_elements("7") == 1);
  CHECK(count_elements("[1,2,{\"a\":3}]") == 5);
  CHECK(count_elements("\"a,b,\\\",[{\"") == 1);
  CHECK(count_elements("\"unfinished,,") == 1);
}
