#include <doctest/doctest.h>

#include "daemon/gate/origin.hpp"

using namespace qflow;

TEST_CASE("only our own host names are served") {
  config::ServerSection server;
  server.hosts = {"flows.example"};
  for (const char* ours :
       {"localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", "flows.example:443"})
    CHECK_MESSAGE(gate::is_our_host(ours, server), ours);
  for (const char* other :
       {"evil.example", "evil.example:8000", "localhost.evil.example", "", "127.0.0.1.evil.example", "["})
    CHECK_FALSE_MESSAGE(gate::is_our_host(other, server), other);
}
