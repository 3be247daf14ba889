#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/observe/events.hpp"

using namespace qflow;
namespace json = boost::json;

TEST_CASE("events reach their owners, also those who come back") {
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
  seen.clear();
  events.subscribe(one, id + 1'000'000, note);  // an id that is still to come
  REQUIRE(seen.size() == 1);
  CHECK(json::parse(seen.front()).at("type") == "events.lost");
}
