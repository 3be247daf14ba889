#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/cli/runtime.hpp"
#include "daemon/engine/files.hpp"
#include "daemon/engine/signatures.hpp"
#include "daemon/http/router.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/workers/imports.hpp"
#include "daemon/workers/output.hpp"
#include "schema/messages.hpp"
#include "tests/support/process.hpp"

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

TEST_CASE("whatever marks a worker forges, what is held is bounded") {
  workers::OutputCutter cutter("0123456789abcdef", 1000);
  for (std::uint32_t id = 0; id < 5000; ++id)
    cutter.feed(std::string(2000, 'x') + schema::output_mark("0123456789abcdef", id));
  std::size_t held = 0;
  for (std::uint32_t id = 0; id < 5000; ++id) held += cutter.take(id).text.size();
  CHECK(held <= 8000);
  cutter.feed("y" + schema::output_mark("0123456789abcdef", 1));
  CHECK(cutter.take(1).text == "y");
}

TEST_CASE("imports are guessed from the text") {
  CHECK(workers::imports_hint("import os, numpy as np\nfrom pandas.core import x\n  import json\nimportant = 1\nx = "
                              "'import no'\nfrom nodes.a import B\n") ==
        std::vector<std::string>{"json", "numpy", "os", "pandas"});
  CHECK(workers::imports_hint("from . import x\nimport\n").empty());
}

TEST_CASE("routes: literals win, methods are told, /api/v1 is an alias") {
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
  CHECK_THROWS_WITH(match("DELETE", "/x"), "DELETE is not possible on /x; possible: POST");
  CHECK_THROWS_AS(match("GET", "/nope"), Fault);
  CHECK_THROWS_AS(match("GET", "/%zz"), Fault);
  CHECK_THROWS_AS(match("GET", "/a%00b"), Fault);
}

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

TEST_CASE("file names are ours, whatever a worker says") {
  CHECK(engine::safe_filename("Report", "page", ".html") == "report-page.html");
  CHECK(engine::safe_filename("../../etc", "../x", ".sh") == "etc-x.bin");
  CHECK(engine::safe_filename("", "", "/../../x") == "file.bin");
  CHECK(engine::safe_filename("chart", "", ".svg") == "chart.svg");
  CHECK(engine::mime_type("a.svg") == "image/svg+xml");
}

TEST_CASE("terminal text has no control characters") {
  CHECK(cli::printable("a\x1b[31mb\x07\n\t") == "a\u241b[31mb\u2407\n\t");
  CHECK(cli::printable("x\u009b31m\u202ey\u2066é") == "x\uFFFD31m\uFFFDy\uFFFDé");
}

TEST_CASE("ids sort by time and are well-formed") {
  std::string last;
  for (int i = 0; i < 5000; ++i) {
    const std::string id = new_id();
    CHECK(id > last);
    last = id;
  }
  CHECK(last.size() == 36);
  CHECK(last[14] == '7');
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1'795'000'000'123'456) == "2026-11-18T11:06:40.123Z");
}

TEST_CASE("signatures are kept by the whole plan") {
  engine::Signatures signatures;
  engine::Plan plan;
  plan.steps.resize(2);
  plan.steps[0].node.code = "ab";
  plan.steps[1].node.code = "c";
  const std::string key = engine::Signatures::key_of(plan);
  plan.steps[0].node.code = "a";
  plan.steps[1].node.code = "bc";
  CHECK(engine::Signatures::key_of(plan) != key);
  CHECK(signatures.find(key) == nullptr);
  engine::Signatures::Known two;
  two.functions.resize(2);
  signatures.remember(key, two);
  CHECK(signatures.find(key)->functions.size() == 2);
  for (int i = 0; i < 1000; ++i) signatures.remember(std::to_string(i), {});
  CHECK(signatures.find(key) == nullptr);
  CHECK(signatures.find("999") != nullptr);
}
