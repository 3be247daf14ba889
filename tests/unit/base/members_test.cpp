#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/fault.hpp"
#include "daemon/base/members.hpp"

using namespace qflow;

namespace {

json::object object(const char* text) { return json::parse(text).as_object(); }

}  // namespace

TEST_CASE("members are read by type; absent and null are the same") {
  const Body body(object(R"({"name": "x", "flag": true, "n": 2.5, "o": {"a": 1}, "l": ["a", "b"], "none": null})"));
  CHECK(body.text("name") == "x");
  CHECK(body.required("name") == "x");
  CHECK(body.flag("flag") == true);
  CHECK(body.number("n", 0, 3) == 2.5);
  CHECK(body.positive("n") == 2.5);
  CHECK(body.object("o")->at("a") == 1);
  CHECK(body.array("l")->size() == 2);
  CHECK(body.texts("l") == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(body.text("none"));
  CHECK_FALSE(body.text("absent"));
  CHECK(body.has("none"));
  CHECK_FALSE(body.has("absent"));
  CHECK_NOTHROW(body.check());
}

TEST_CASE("every problem is named by its pointer, and the first one is the message") {
  const Body body(object(R"({"name": 5, "flag": "yes", "n": 9, "o": [], "l": ["a", 1], "blank": " "})"), "/part");
  CHECK_FALSE(body.text("name"));
  CHECK_FALSE(body.flag("flag"));
  CHECK_FALSE(body.number("n", 0, 3));
  CHECK(body.object("o") == nullptr);
  body.texts("l");
  body.required("blank");
  body.required("absent");
  body.text("name", 1);
  body.problem("/own/0", "is wrong");
  try {
    body.check();
    FAIL("accepted");
  } catch (const Fault& fault) {
    CHECK(fault.kind == FaultKind::bad_input);
    CHECK(fault.code == "invalid_body");
    CHECK(fault.message == "/part/name: expected a string");
    std::string pointers;
    for (const auto& one : fault.details.at("problems").as_array())
      pointers += one.at("pointer").as_string().c_str() + std::string(" ");
    CHECK(pointers ==
          "/part/name /part/flag /part/n /part/o /part/l/1 /part/blank /part/absent /part/name /part/own/0 ");
  }
}

TEST_CASE("a text longer than allowed is a problem; a Body allows 1,000 bytes") {
  json::object two;
  two["long"] = std::string(1001, 'x');
  const Body body(two);
  CHECK(body.text("long")->size() == 1001);
  CHECK_THROWS_WITH(body.check(), "/long: longer than 1000 bytes");
  const Body more(two);
  more.text("long", 2000);
  CHECK_NOTHROW(more.check());
}

TEST_CASE("problems have codes and are bounded in number") {
  InputProblems problems("invalid_workflow");
  const json::object empty;
  const Members members(empty, "/nodes/3", problems);
  members.problems().add(members.at("id"), "required", "missing_node");
  for (int i = 0; i < 1000; ++i) members.required("name");
  CHECK(problems.list().size() == 100);
  CHECK(problems.list()[0].at("code") == "missing_node");
  CHECK(problems.list()[1].at("code") == "invalid_workflow");
  CHECK(problems.list()[1].at("pointer") == "/nodes/3/name");
  CHECK_THROWS_WITH(problems.throw_if_any(), "/nodes/3/id: required");
}

TEST_CASE("a line has no control characters") {
  const Body body(object(R"({"good": "É 1", "bad": "a\nb", "worse": "\u001b[31m"})"));
  CHECK(body.line("good", 10) == "É 1");
  body.line("bad", 10);
  body.line("worse", 10);
  CHECK_THROWS_WITH(body.check(), "/bad: must be one line without control characters");
}
