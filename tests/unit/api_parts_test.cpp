// Parts of the API that need no server: multipart bodies, the types' matrix and conversions, events, times.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/api/multipart.hpp"
#include "daemon/fault.hpp"
#include "daemon/observe/events.hpp"
#include "daemon/observe/time.hpp"
#include "daemon/store/users.hpp"
#include "schema/types.hpp"

using namespace qflow;
namespace json = boost::json;

TEST_CASE("multipart bodies are taken apart") {
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

TEST_CASE("the documented matrix") {
  const auto fits = [](const char* a, const char* b) { return schema::compatibility(a, b).compatible; };
  CHECK(schema::builtin_types().size() == 20);
  CHECK(fits("number", "integer"));
  CHECK_FALSE(fits("integer", "float"));
  CHECK(fits("tuple", "list"));
  CHECK_FALSE(fits("list", "tuple"));
  CHECK(fits("dataframe", "object"));
  CHECK_FALSE(fits("object", "dataframe"));
  CHECK_FALSE(fits("dataframe", "dict"));
  CHECK_FALSE(fits("boolean", "integer"));
  CHECK_FALSE(fits("file", "image"));
  CHECK(fits("image", "file"));
  for (const auto& type : schema::builtin_types()) {
    CHECK(schema::compatibility(type.name, type.name).compatible);
    CHECK(schema::compatibility("any", type.name).compatible);
    CHECK(schema::compatibility(type.name, "any").compatible);
  }
  CHECK_FALSE(fits("unknown", "string"));
  const auto int_to_str = schema::compatibility("integer", "string");
  CHECK_FALSE(int_to_str.compatible);
  CHECK(int_to_str.conversion_required);
  CHECK(int_to_str.method == "str()");
  CHECK(schema::builtin_type("str") == "string");
  CHECK(schema::builtin_type("pd.DataFrame") == "dataframe");
  CHECK_FALSE(schema::builtin_type("nonsense"));
}

TEST_CASE("conversions are Python's") {
  const auto converted = [](const char* value, const char* from, const char* to, bool items = false) {
    std::string problem;
    const auto result = schema::convert(json::parse(value), from, to, items, problem);
    return result ? json::serialize(*result) : "!" + problem;
  };
  CHECK(converted("\" 42 \"", "string", "integer") == "42");
  CHECK(converted("\"4.5\"", "string", "integer").starts_with("!"));
  CHECK(converted("\"4.5\"", "string", "float") == "4.5E0");
  CHECK(converted("\"4\"", "string", "number") == "4");
  CHECK(converted("true", "boolean", "string") == "\"True\"");
  CHECK(converted("1.0", "float", "string") == "\"1.0\"");
  CHECK(converted("1e16", "float", "string") == "\"1e+16\"");
  CHECK(converted("3.0", "float", "integer") == "3");
  CHECK(converted("3.5", "float", "integer") == "!3.5 is not a whole number");
  CHECK(converted("[[\"a\",1]]", "list", "dict") == "{\"a\":1}");
  CHECK(converted("[1]", "list", "dict").starts_with("!"));
  CHECK(converted("{\"a\":1}", "dict", "list") == "[\"a\"]");
  CHECK(converted("{\"a\":1}", "dict", "list", true) == "[[\"a\",1]]");
  CHECK(converted("[1,1,2]", "list", "set") == "[1,2]");
  CHECK(converted("null", "null", "string").starts_with("!"));
  CHECK(converted("\"7\"", "any", "integer") == "7");
  CHECK(converted("[1]", "list", "boolean").starts_with("!"));
  CHECK(converted("\"99999999999999999999\"", "string", "integer").starts_with("!"));
}

TEST_CASE("events reach those they are for, and those who come back") {
  observe::Events events(4, 1U << 20U);
  std::vector<std::string> seen;
  const auto note = [&](std::shared_ptr<const std::string> text) { seen.push_back(*text); };
  observe::Interest mine{observe::Channel::executions, "me", std::nullopt, std::nullopt};
  const auto handle = events.subscribe(mine, std::nullopt, note);
  events.publish(observe::Channel::executions, "execution.started", "me", {{"executionId", "e1"}});
  events.publish(observe::Channel::executions, "execution.started", "you", {{"executionId", "e2"}});
  events.publish(observe::Channel::workflows, "workflow.created", "me", {{"workflowId", "w"}});
  REQUIRE(seen.size() == 1);
  const json::value first = json::parse(seen.front());
  CHECK(first.at("type") == "execution.started");
  CHECK(first.at("executionId") == "e1");
  const auto id = first.at("id").to_number<std::uint64_t>();
  events.unsubscribe(handle);
  events.publish(observe::Channel::executions, "execution.completed", "me", {{"executionId", "e1"}});
  CHECK(seen.size() == 1);
  seen.clear();
  events.subscribe(mine, id, note);
  REQUIRE(seen.size() == 1);
  CHECK(json::parse(seen.front()).at("type") == "execution.completed");
  for (int i = 0; i < 10; ++i)
    events.publish(observe::Channel::executions, "node.started", "me", {{"executionId", "e1"}});
  seen.clear();
  observe::Interest one = mine;
  one.execution_id = "other";
  events.subscribe(one, id, note);
  REQUIRE(seen.size() == 1);
  CHECK(json::parse(seen.front()).at("type") == "events.lost");
}

TEST_CASE("times are read as they are written") {
  CHECK(parse_time("1970-01-01T00:00:01.500Z") == 1'500'000);
  CHECK(parse_time("1970-01-02") == 86'400'000'000);
  CHECK(parse_time("1970-01-01T02:00:00+02:00") == 0);
  CHECK(iso_time(*parse_time("2026-11-22T20:54:50.762Z")) == "2026-11-22T20:54:50.762Z");
  for (const char* bad :
       {"", "soon", "2026-13-01", "2026-11-22T20:54:50.762Zx", "2026-11-22T", "2026-11-22T20:54:50.7120+6:00x"})
    CHECK_FALSE(parse_time(bad));
  const std::string id = new_id();
  CHECK(first_id_at(now_us() + 1'000'000) > id);
  CHECK(first_id_at(now_us() - 1'000'000) < id);
}
