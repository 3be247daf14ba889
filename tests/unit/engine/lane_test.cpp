// Lanes with real workers.
#include <doctest/doctest.h>

#include "daemon/engine/lane.hpp"
#include "tests/unit/workers/real_pool.hpp"

using namespace qflow;
using namespace qflow::engine;

namespace {

flow::Step step_of(const std::string& code, double seconds = 10) {
  flow::Step step;
  step.node.code = code;
  step.file = "node.py";
  step.timeout = seconds;
  return step;
}

schema::Call call_of(std::size_t step) {
  schema::Call call;
  call.module = load_id(step);
  call.preview_bytes = 1000;
  call.files = true;
  return call;
}

Task<std::optional<LaneAnswer>> next(Lane& lane) {
  lane.begin_next();
  std::optional<LaneAnswer> answer = co_await lane.receive();
  co_return answer;
}

struct Talk {
  explicit Talk(test::RealPool& real) : pool(real), lane(real.take(), real.settings, 0) {}
  std::optional<LaneAnswer> answer() { return test::wait(pool.io, next(lane)); }
  NodeError why() { return test::wait(pool.io, lane.why_lost()); }
  std::string value(std::size_t step, const flow::Step& node) {
    lane.load(step, node, {});
    lane.call(step, node, call_of(step));
    lane.send();
    if (!answer()) return "";
    const auto result = answer();
    return result ? std::get<schema::Result>(result->what).preview : "";
  }
  test::RealPool& pool;
  Lane lane;
};

}  // namespace

TEST_CASE("requests are answered in their order, and several lanes talk at the same time") {
  test::RealPool real;
  Talk one(real), two(real);
  const flow::Step node = step_of("import os\ndef f():\n    print('hello')\n    return 6 * 7\n");
  for (Talk* talk : {&one, &two}) {
    talk->lane.load(0, node, {});
    talk->lane.call(0, node, call_of(0));
    talk->lane.send();
    CHECK(talk->lane.expected() == 2);
  }
  // The second lane's answers are taken before the first one's.
  for (Talk* talk : {&two, &one}) {
    const auto loaded = talk->answer();
    REQUIRE(loaded);
    CHECK(loaded->to.load());
    CHECK(std::get<schema::Loaded>(loaded->what).function == "f");
    const auto result = talk->answer();
    REQUIRE(result);
    CHECK_FALSE(result->to.load());
    CHECK(std::get<schema::Result>(result->what).preview == "42");
    CHECK(talk->lane.take_output(result->to, false).text == "hello\n");
    CHECK(talk->lane.expected() == 0);
    CHECK_FALSE(talk->lane.is_lost());
  }
}

TEST_CASE("values stay in their lane: one is changed, the other is not") {
  test::RealPool real;
  Talk one(real), two(real);
  CHECK(one.value(0, step_of("import builtins\ndef f():\n    builtins.mine = 1\n    return 1\n")) == "1");
  CHECK(two.value(0, step_of("import builtins\ndef f():\n    return hasattr(builtins, 'mine')\n")) == "false");
  CHECK(one.value(1, step_of("import builtins\ndef f():\n    return hasattr(builtins, 'mine')\n")) == "true");
}

TEST_CASE("a branch has the values of its worker, and hands its own back") {
  test::RealPool real;
  Talk talk(real);
  CHECK(talk.value(0, step_of("import os\ndef f():\n    return os.getpid()\n")) == "1");
  const flow::Step add = step_of("import os\ndef f(v): return {'worker': v, 'here': os.getpid() > 1}\n");
  talk.lane.load(1, add, {});
  talk.lane.send();
  REQUIRE(talk.answer());
  std::unique_ptr<Lane> branch = talk.lane.branch(1);
  REQUIRE(branch);
  const auto made = talk.answer();
  REQUIRE(made);
  CHECK(std::get<schema::Branched>(made->what).error == 0);
  REQUIRE(test::wait(real.io, branch->arrive()));
  CHECK(branch->threads() == 1);
  schema::Call call = call_of(1);
  schema::Argument argument;
  argument.name = "v";
  argument.handle = call_id(0);
  call.arguments.push_back(argument);
  branch->call(1, add, call);
  branch->send();
  const auto result = test::wait(real.io, next(*branch));
  REQUIRE(result);
  CHECK(std::get<schema::Result>(result->what).preview == R"({"worker":1,"here":true})");
  talk.lane.take(1, 5, *branch, false);
  talk.lane.send();
  branch->pack(1, 5, *branch, false);
  branch->send();
  const auto packed = test::wait(real.io, next(*branch));
  REQUIRE(packed);
  CHECK(std::get<schema::Moved>(packed->what).bytes > 10);
  const auto taken = talk.answer();
  REQUIRE(taken);
  CHECK(std::get<schema::Moved>(taken->what).bytes == std::get<schema::Moved>(packed->what).bytes);
  // Its end is told by the kernel, and is not its worker's.
  const flow::Step leave = step_of("import os\ndef f(): os._exit(5)\n");
  branch->load(2, leave, {});
  branch->call(2, leave, call_of(2));
  branch->send();
  REQUIRE(test::wait(real.io, next(*branch)));
  CHECK_FALSE(test::wait(real.io, next(*branch)));
  const NodeError error = test::wait(real.io, branch->why_lost());
  CHECK(error.message == "it ended the process with exit status 5 before it returned");
  talk.lane.drop(*branch);
  CHECK_FALSE(talk.lane.is_lost());
  CHECK(talk.value(3, step_of("def f(): return 'lives'")) == R"("lives")");
}

TEST_CASE("a step that takes too long is named with its limit") {
  test::RealPool real;
  Talk talk(real);
  CHECK(talk.value(3, step_of("import time\ndef f():\n    time.sleep(60)\n", 0.3)).empty());
  REQUIRE(talk.lane.is_lost());
  CHECK(talk.lane.lost_at().step == 3);
  CHECK_FALSE(talk.lane.lost_at().load());
  const NodeError error = talk.why();
  CHECK(error.cause == Cause::timed_out);
  CHECK(error.message == "it ran longer than its time limit of 0.3 s (sandbox.time)");
}

TEST_CASE("a worker that ends by itself is explained by the kernel's word") {
  test::RealPool real;
  Talk talk(real);
  CHECK(talk.value(0, step_of("import os\ndef f():\n    os._exit(7)\n")).empty());
  const NodeError error = talk.why();
  CHECK(error.type == "WorkerDied");
  CHECK(error.cause == Cause::crashed);
  CHECK(error.message == "it ended the process with exit status 7 before it returned");
}

TEST_CASE("an answer that does not fit what is known breaks the protocol, and blames its own step") {
  test::RealPool real;
  Talk talk(real);
  const flow::Step node = step_of("def f(): return 1\n");
  talk.lane.load(5, node, {});
  talk.lane.send();
  const auto answer = talk.answer();
  REQUIRE(answer);
  talk.lane.reject(*answer, "it lied");
  CHECK(talk.lane.is_lost());
  CHECK(talk.lane.lost_at().step == 5);
  CHECK(talk.why().message == "the worker broke the protocol: it lied");
  CHECK(talk.why().cause == Cause::protocol_violation);
}

TEST_CASE("files come in pieces, up to what is allowed") {
  test::RealPool real;
  Talk talk(real);
  const flow::Step node = step_of(
      "from pathlib import Path\ndef f():\n    p = Path('x.txt')\n    p.write_bytes(b'y' * 600_000)\n    return p\n");
  talk.value(0, node);
  const auto until = Clock::now() + std::chrono::seconds(5);
  const auto whole = test::wait(real.io, talk.lane.fetch(0, node, 0, 1'000'000, until));
  REQUIRE(whole);
  CHECK(whole->bytes == std::string(600'000, 'y'));
  CHECK_FALSE(whole->too_large);
  const auto part = test::wait(real.io, talk.lane.fetch(0, node, 0, 300'000, until));
  REQUIRE(part);
  CHECK(part->too_large);
  CHECK(part->bytes.size() <= 300'000);
}

TEST_CASE("what is queued is bounded") {
  test::RealPool real;
  Talk talk(real);
  schema::Call call = call_of(0);
  schema::Argument argument;
  argument.name = "x";
  argument.literal = json::value(std::string(20U << 20U, 'x'));
  call.arguments = {argument};
  const flow::Step node = step_of("def f(x): return 1\n");
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 10; ++i) talk.lane.call(static_cast<std::size_t>(i), node, call);
      }(),
      std::length_error);
  talk.lane.forget();
  CHECK(talk.lane.expected() == 0);
  CHECK(talk.value(0, step_of("def f(): return 'still here'\n")) == "\"still here\"");
}
