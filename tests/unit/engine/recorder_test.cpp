#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

#include "daemon/base/ids.hpp"
#include "daemon/engine/recorder.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/waiting.hpp"

using namespace qflow;
using namespace qflow::engine;
using test::wait;

namespace {

Order order_of_two() {
  Order order;
  order.execution_id = new_id();
  order.workflow_name = "w";
  order.created_by = "";
  order.plan.python = "3.11";
  order.plan.steps.resize(2);
  order.plan.steps[0].node.id = order.plan.steps[0].node.name = "a";
  order.plan.steps[1].node.id = order.plan.steps[1].node.name = "b";
  order.plan.steps[0].sink = false;
  order.plan.sandboxes.resize(1);
  order.input = json::value("in");
  return order;
}

Task<std::optional<store::Execution>> row_of(store::Store& store, std::string id) {
  auto job = [id](sqlite::Db& db) { return store::find_execution(db, id); };
  co_return co_await store.read(std::move(job));
}

Task<std::vector<store::NodeExecution>> nodes_of(store::Store& store, std::string id) {
  auto job = [id](sqlite::Db& db) { return store::nodes_of(db, id); };
  co_return co_await store.read(std::move(job));
}

}  // namespace

TEST_CASE("the start, each step and the end are written, and steps that never began") {
  const test::TempDir directory;
  store::Store store(directory.path());
  Recorder recorder(&store, 2, R"(["cgroup"])");
  Order order = order_of_two();
  wait(recorder.start(order));
  auto row = wait(row_of(store, order.execution_id));
  REQUIRE(row);
  CHECK(row->status == "running");
  CHECK(row->input_data == "\"in\"");
  CHECK(row->isolation_level == 2);
  CHECK(row->isolation_missing == R"(["cgroup"])");

  Outcome outcome;
  outcome.steps.resize(2);
  outcome.steps[0].status = Status::failed;
  outcome.steps[0].started_at = 1;
  outcome.steps[0].error = NodeError{"KeyError", "'x'", "traceback", 3, Cause::raised};
  outcome.steps[1].status = Status::skipped;
  outcome.error = outcome.steps[0].error;
  outcome.failed_step = 0;
  outcome.status = Status::failed;
  outcome.duration_ms = 5;
  recorder.step(order, 0, outcome.steps[0]);
  wait(recorder.end(order, outcome));
  row = wait(row_of(store, order.execution_id));
  CHECK(row->status == "failed");
  CHECK(row->outcome == "raised");
  CHECK(row->error_message == "KeyError: 'x' (node 'a', line 3)");
  CHECK(row->error_node == "a");
  const auto nodes = wait(nodes_of(store, order.execution_id));
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].status == "failed");
  CHECK(nodes[0].error_line == 3);
  CHECK(nodes[1].status == "skipped");
  CHECK_FALSE(nodes[1].started_at);
}

TEST_CASE("an execution without an id, or without a store, leaves nothing") {
  const test::TempDir directory;
  store::Store store(directory.path());
  Order order = order_of_two();
  Outcome outcome;
  outcome.steps.resize(2);
  Recorder without(nullptr, 2, "[]");
  wait(without.start(order));
  without.step(order, 0, outcome.steps[0]);
  wait(without.end(order, outcome));
  CHECK_FALSE(wait(row_of(store, order.execution_id)));
  const std::string id = order.execution_id;
  order.execution_id.clear();
  Recorder with(&store, 2, "[]");
  wait(with.start(order));
  wait(with.end(order, outcome));
  CHECK(wait(nodes_of(store, id)).empty());
}

TEST_CASE("a step whose own row was lost is written with the end") {
  const test::TempDir directory;
  store::Store store(directory.path());
  Recorder recorder(&store, 2, "[]");
  Order order = order_of_two();
  wait(recorder.start(order));
  Outcome outcome;
  outcome.status = Status::completed;
  outcome.steps.resize(2);
  for (StepRun& run : outcome.steps) {
    run.status = Status::completed;
    run.started_at = 1;
  }
  for (StepRun& run : outcome.steps) run.order = outcome.rows++;
  recorder.step(order, 1, outcome.steps[1]);  // the other one's failed
  wait(recorder.end(order, outcome));
  const auto nodes = wait(nodes_of(store, order.execution_id));
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].status == "completed");
  CHECK(wait(row_of(store, order.execution_id))->status == "completed");
}
