#include <doctest/doctest.h>

#include "daemon/workers/output.hpp"
#include "schema/messages.hpp"

using namespace qflow;

TEST_CASE("output is cut at the marks, wherever the reads end") {
  const std::string nonce = "0123456789abcdef";
  const std::string stream = "one\n" + schema::output_mark(nonce, 1) + "two" + schema::output_mark(nonce, 2) +
                             std::string("\0x", 2) + schema::output_mark(nonce, 3);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    workers::OutputCutter cutter(nonce, 1000);
    for (std::size_t at = 0; at < stream.size(); at += piece) cutter.feed(std::string_view(stream).substr(at, piece));
    REQUIRE(cutter.ended(3));
    CHECK(cutter.take(1).text == "one\n");
    CHECK(cutter.take(2).text == "two");
    CHECK(cutter.take(3).text == std::string("\0x", 2));
  }
}

TEST_CASE("output beyond the limit is counted, not kept; forged marks are text") {
  workers::OutputCutter cutter("0123456789abcdef", 10);
  cutter.feed(std::string(1'000'000, 'x') + schema::output_mark("0123456789abcdef", 1));
  const workers::Captured part = cutter.take(1);
  CHECK(part.text.size() == 10);
  CHECK(part.dropped == 999'990);
  cutter.feed(schema::output_mark("fedcba9876543210", 2).substr(0, 8));
  CHECK_FALSE(cutter.ended(2));
  CHECK(cutter.take(2).text.size() <= 10);
}

TEST_CASE("the held output is bounded, whatever marks a worker forges") {
  workers::OutputCutter cutter("0123456789abcdef", 1000);
  for (std::uint32_t id = 0; id < 5000; ++id)
    cutter.feed(std::string(2000, 'x') + schema::output_mark("0123456789abcdef", id));
  std::size_t held = 0;
  for (std::uint32_t id = 0; id < 5000; ++id) held += cutter.take(id).text.size();
  CHECK(held <= 8000);
  cutter.feed("y" + schema::output_mark("0123456789abcdef", 1));
  CHECK(cutter.take(1).text == "y");
}
