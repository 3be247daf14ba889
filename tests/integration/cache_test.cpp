// Values of nodes that are used again (a node's `cache`).
#include <doctest/doctest.h>

#include "tests/support/cli.hpp"
#include "tests/support/flow_documents.hpp"

using namespace qflow::test;

namespace {

// Prints only when it really runs.
json::object flow_with(const std::string& body, json::object cached,
                       const std::string& start = "def start(): return 3") {
  return flow_of({code("start", start), code("slow", "def slow(n):\n    print('made')\n    " + body, std::move(cached)),
                  code("end", "def end(v): return repr(v)")},
                 {"start > slow", "slow > end"});
}

bool was_made(const json::value& report) {
  const json::object& slow = node_in(report, "slow");
  const bool made = text(slow.at("stdout")) == "made\n";
  CHECK(made != (slow.contains("reason") && slow.at("reason") == "cached"));
  return made;
}

const json::object kCache{{"cache", true}};

}  // namespace

TEST_CASE("a value is made once, and used again in the next execution, whatever it is") {
  for (const char* body : {"return n + 1", "return {(n, 'x')}", "return object", "return b'x' * 200000"}) {
    CAPTURE(body);
    const Cli cli;
    const json::value first = cli.json_of(flow_with(body, kCache));
    const json::value second = cli.json_of(flow_with(body, kCache));
    CHECK(was_made(first));
    CHECK_FALSE(was_made(second));
    CHECK(first.at("outputs") == second.at("outputs"));
    CHECK(node_in(first, "slow").at("value") == node_in(second, "slow").at("value"));
  }
}

TEST_CASE("anything that it depends on makes it anew") {
  const Cli cli;
  const auto made = [&](const json::object& flow, std::vector<std::string> more = {}) {
    return was_made(cli.json_of(flow, std::move(more)));
  };
  const std::string body = "return n";
  CHECK(made(flow_with(body, kCache)));
  CHECK_FALSE(made(flow_with(body, kCache)));
  CHECK(made(flow_with("return n + 0", kCache)));
  CHECK(made(flow_with(body, kCache, "def start(): return 4")));
  CHECK(made(flow_with(body, kCache, "def start(): return {4}")));        // pickled
  CHECK_FALSE(made(flow_with(body, kCache, "def start(): return {4}")));  // by its content
  CHECK(made(flow_with(body, kCache, "def start(): return {5}")));
  CHECK(made(flow_with(body, {{"cache", {{"key", "v2"}}}})));
  CHECK(made(flow_with(body, {{"cache", true}, {"sandbox", {{"memory", "300M"}}}})));
  CHECK(made(flow_with(body, kCache), {"--no-cache"}));
  CHECK_FALSE(made(flow_with(body, kCache)));
  // A module that it imports.
  const auto with_module = [&](const char* source) {
    json::object flow = flow_with("import helper; return helper.X", kCache);
    flow["modules"] = json::object{{"helper", source}};
    return made(flow);
  };
  CHECK(with_module("X = 1"));
  CHECK_FALSE(with_module("X = 1"));
  CHECK(with_module("X = 2"));
}

TEST_CASE("the content of a file that is given, and nodes that a module imports from, are a part of it") {
  const Cli cli;
  const std::string data = cli.directory.file("data.txt", "one");
  const json::object flow = flow_of(
      {code("slow", "from pathlib import Path\ndef slow(data: Path):\n    return data.read_text()", kCache)}, {});
  const auto read = [&] { return text(cli.json_of(flow, {"-i", "data=@" + data}).at("outputs").at("slow")); };
  CHECK(read() == "one");
  CHECK(read() == "one");
  cli.directory.file("data.txt", "two");
  CHECK(read() == "two");
  const auto imported = [&](const char* value) {
    json::object other = flow_of({code("base", std::string("X = ") + value + "\ndef base(): return X"),
                                  code("slow", "import helper\ndef slow(n):\n    return helper.get()", kCache)},
                                 {"base > slow"});
    other["nodes"].get_array()[0].get_object()["code"] = std::string("X = ") + value + "\ndef base(): return 0";
    other["modules"] = json::object{{"helper", "def get():\n    from nodes import base\n    return base.X"}};
    return cli.json_of(other).at("outputs").at("slow");
  };
  CHECK(imported("2") == 2);
  CHECK(imported("7") == 7);
}

TEST_CASE("failures and what cannot be kept are not cached; a time to live ends") {
  const Cli cli;
  for (int i = 0; i < 2; ++i) {
    const json::value failed = cli.json_of(flow_with("return 1 / 0", kCache));
    CHECK(node_in(failed, "slow").at("status") == "failed");
    CHECK(text(node_in(failed, "slow").at("stdout")) == "made\n");
    CHECK(was_made(cli.json_of(flow_with("import threading; return threading.Lock()", kCache))));
    CHECK(
        was_made(cli.json_of(flow_with("return n", kCache, "import threading\ndef start(): return threading.Lock()"))));
  }
  const json::object brief{{"cache", {{"ttl", 0.2}}}};
  CHECK(was_made(cli.json_of(flow_with("return n", brief))));
  ::usleep(300'000);
  CHECK(was_made(cli.json_of(flow_with("return n", brief))));
  CHECK(has(cli({"run", cli.flow(flow_with("return n", {{"cache", {{"tll", 3}}}}))}).err,
            "/cache/tll: there is no such member; expected ttl or key"));
  CHECK(has(cli({"run", cli.flow(flow_with("return n", {{"cache", 3}}))}).err, "/cache: expected true, false or"));
}

TEST_CASE("in loops, with tries, and beside others") {
  const Cli cli;
  const auto flow = [](const char* parallel) {
    return flow_of(
        {code("items", "def items(): return [1, 2, 1, 3]"), flow_node("each", "for_each"),
         code("one", "def one(n):\n    print('made')\n    return 10 * n", {{"cache", true}, {"retryOnFail", true}}),
         code("other", "def other(v): return len(v)", {{"cache", true}}), code("end", "def end(a, b): return [a, b]")},
        {"items > each", "each.item > one", "one > each.1", "items > other", "each.done > end", "other > end.1"},
        {{"parallel", parallel}});
  };
  for (const char* parallel : {"off", "on"}) {
    const json::value done = cli.json_of(flow(parallel));
    REQUIRE_MESSAGE(done.at("status") == "completed", json::serialize(done));
    CHECK(json::serialize(done.at("outputs").at("end")) == "[[10,20,10,30],4]");
  }
  CHECK(node_in(cli.json_of(flow("off")), "one").at("reason") == "cached");
}

TEST_CASE("one user's cache is never another's, and a server counts what it found") {
  Daemon daemon;
  Daemon guest = daemon.as_user("cache@example.org");
  const json::object flow = flow_with("return n", kCache);
  const auto reason = [](Daemon& who, const json::object& what) {
    const Answer done = who.run(what);
    REQUIRE_MESSAGE(done["status"] == "completed", done.body);
    return done["data"].at("resultData").at("runData").at("slow").at(0).at("qflow").at("reason");
  };
  CHECK(reason(daemon, flow).is_null());
  CHECK(eventually([&] { return reason(daemon, flow) == "cached"; }));
  CHECK(reason(guest, flow).is_null());
  CHECK(eventually([&] { return reason(guest, flow) == "cached"; }));
  CHECK(has(daemon.send("GET", "/metrics").body, "qflow_engine_events_total{what=\"cached\"}"));
}
