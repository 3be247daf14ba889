#include <doctest/doctest.h>

#include "daemon/api/multipart.hpp"
#include "daemon/base/fault.hpp"

using namespace qflow;

TEST_CASE("multipart bodies are split into parts") {
  const std::string body =
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b\r\n"
      "content-disposition: form-data; name=file; filename=\"x \\\"y\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n"
      "--bb\r\n\r\n--b--\r\n";
  const auto parts = api::parse_multipart("multipart/form-data; boundary=b", body);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].name == "a");
  CHECK(parts[0].content == "one");
  CHECK(parts[1].name == "file");
  CHECK(parts[1].filename == "x \"y\".txt");
  CHECK(parts[1].content_type == "text/plain");
  CHECK(parts[1].content == "--bb\r\n");
  for (const char* bad : {"", "--b", "--b\r\n", "--b\r\nA\r\n\r\nx\r\n--b--", "--b\r\n\r\nx", "--bx", "none"})
    CHECK_THROWS_AS(api::parse_multipart("multipart/form-data; boundary=b", bad), Fault);
  CHECK_THROWS_AS(api::parse_multipart("text/plain", body), Fault);
  CHECK_THROWS_AS(api::parse_multipart("multipart/form-data", body), Fault);
}
