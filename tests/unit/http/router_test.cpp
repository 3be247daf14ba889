#include <doctest/doctest.h>

#include "daemon/base/fault.hpp"
#include "daemon/http/router.hpp"

using namespace qflow;

TEST_CASE("routes: literals win, errors list the methods, /api/v1 is an alias") {
  http::Router router;
  const std::vector<http::Endpoint> lines{
      {"GET", "/executions/{id}"}, {"GET", "/executions/active"}, {"POST", "/x"},
      {"GET", "/hook/{path*}"},    {"POST", "/x/{a}/y"},          {"GET", "/x/{b}"}};
  for (const auto& line : lines) router.add(line);
  const auto match = [&](const std::string& method, const std::string& target) {
    http::Request request;
    request.method = method;
    http::read_target(target, request);
    router.match(request);
    return std::string(lines[request.route].pattern) +
           (request.parameters.empty() ? "" : ":" + request.parameters.begin()->second);
  };
  CHECK(match("GET", "/executions/active") == "/executions/active");
  CHECK(match("GET", "/executions/a%2Fb?x=1") == "/executions/{id}:a/b");
  CHECK(match("GET", "/api/v1/executions/7") == "/executions/{id}:7");
  CHECK(match("GET", "/hook/a/b/c") == "/hook/{path*}:a/b/c");
  CHECK(match("POST", "/x/1/y") == "/x/{a}/y:1");
  CHECK(match("GET", "/x/2") == "/x/{b}:2");
  CHECK_THROWS_AS(match("GET", "/hook"), Fault);
  CHECK_THROWS_WITH(match("DELETE", "/x"), "DELETE is not allowed on /x; allowed: POST");
  CHECK_THROWS_AS(match("GET", "/nope"), Fault);
  CHECK_THROWS_AS(match("GET", "/%zz"), Fault);
  CHECK_THROWS_AS(match("GET", "/a%00b"), Fault);
}
