#include <doctest/doctest.h>

#include "schema/messages.hpp"

using namespace qflow::schema;

TEST_CASE("messages name the field that does not fit") {
  const auto error_of = [](const std::string& meta) {
    std::string error;
    CHECK_FALSE(unpack<Result>({Kind::result, 1, meta, {}}, error));
    return error;
  };
  CHECK(error_of("").find("incomplete") != std::string::npos);
  CHECK(error_of("[]") == ": expected an object");
  CHECK(
      error_of(
          R"({"type":1,"preview":"","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[],"warnings":[]})") ==
      "/type: expected a string");
  CHECK(
      error_of(
          R"({"type":"","preview":"","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[{"label":"a","suffix":"","size":-1}],"warnings":[]})") ==
      "/files/0/size: expected an integer in range");
  CHECK(error_of(R"({"type":""})") == "/preview: required");
}

TEST_CASE("output marks differ by nonce and id and all have the same length") {
  CHECK(output_mark("0123456789abcdef", 1).size() == output_mark("0123456789abcdef", 0xffffffff).size());
  CHECK(output_mark("0123456789abcdef", 0x2a) == std::string("\0qf:0123456789abcdef:0000002a\n", 30));
}
