#include <doctest/doctest.h>

#include "daemon/base/fault.hpp"
#include "daemon/http/message.hpp"

using namespace qflow;

TEST_CASE("query numbers and bodies are checked by name") {
  http::Request request;
  http::read_target("/w?take=12&skip=x&big=999", request);
  CHECK(request.integer("take", 50, 1, 250) == 12);
  CHECK(request.integer("absent", 50, 1, 250) == 50);
  CHECK_THROWS_WITH(request.integer("skip", 0, 0, 10), "skip: expected a whole number from 0 to 10");
  CHECK_THROWS_AS(request.integer("big", 0, 0, 10), Fault);
  request.body = "{\"a\":";
  CHECK_THROWS_AS(request.json_object(), Fault);
  request.body = "[1]";
  CHECK_THROWS_WITH(request.json_object(), "the body must be a JSON object");
}
