#include <doctest/doctest.h>

#include <unistd.h>

#include "sandbox/sys.hpp"

using namespace qflow::sandbox;

TEST_CASE("descriptors arrive with the bytes they were sent with") {
  auto [a, b] = socket_pair();
  auto [read_end, write_end] = make_pipe();
  const int fds[] = {write_end.get()};
  send_with_fds(a.get(), "hello", fds);
  Received got = receive_with_fds(b.get(), 100, 3);
  CHECK(got.bytes == "hello");
  REQUIRE(got.fds.size() == 1);
  CHECK(write_all(got.fds[0].get(), "x"));
  char c = 0;
  CHECK(::read(read_end.get(), &c, 1) == 1);
  CHECK(c == 'x');
}

TEST_CASE("the error of a failed call names the call and its arguments") {
  CHECK_THROWS_WITH(open_file("/nonexistent/file", 0), "open(\"/nonexistent/file\", 0x0): No such file or directory");
}
