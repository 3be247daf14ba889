#include "daemon/cli/nested_runs.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/engine/call_request.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/services/sub_workflows.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

std::string path_of(const NestedRuns& runs, const engine::WorkflowCall& call) {
  const fs::path path = fs::path(runs.files.back()).parent_path() / call.workflow;
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  if (error) throw Fault(FaultKind::bad_input, "unreadable", fmt::format("{}: {}", path.string(), error.message()));
  services::refuse_depth(runs.files, whole.string(), call.max_depth);
  return whole.string();
}

engine::WorkflowAnswer answer_of(const std::string& id, const flow::Plan& plan, const engine::Outcome& outcome) {
  engine::WorkflowAnswer out;
  out.id = id;
  if (outcome.status != engine::Status::completed) {
    out.error = fmt::format("the flow \"{}\" {}", plan.name, engine::word(outcome.status));
    if (outcome.error)
      *out.error += ": " + (outcome.failed_step ? outcome.error->sentence(plan.steps[*outcome.failed_step].node.name)
                                                : outcome.error->type + ": " + outcome.error->message);
    return out;
  }
  std::vector<std::pair<std::string, std::string>> values;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const engine::StepRun& run = outcome.steps[i];
    if (!engine::is_wanted(plan, i) || !run.result) continue;
    if (!run.result->exact || (run.result->truncated && !run.whole)) {
      out.error = fmt::format(
          "the output of node \"{}\" of the flow \"{}\" is {}, which cannot pass between "
          "executions: only JSON can",
          plan.steps[i].node.name, plan.name, run.result->type);
      return out;
    }
    std::string wrong;
    if (run.whole) schema::parse_json(*run.whole, wrong, 200);
    if (!wrong.empty() || (run.whole && run.whole->size() > services::kMostAnswer)) {
      out.error = fmt::format("the output of node \"{}\" of the flow \"{}\" is no JSON of at most {} MiB",
                              plan.steps[i].node.name, plan.name, services::kMostAnswer >> 20U);
      return out;
    }
    values.emplace_back(plan.steps[i].node.name, run.whole ? *run.whole : run.result->preview);
  }
  out.value = services::joined_values(std::move(values));
  return out;
}

// Ends the execution with the one that runs it.
Task<> end_when_stopped(engine::Engine& engine, std::string id, std::function<bool()> stopped,
                        std::shared_ptr<bool> over) {
  while (!*over && !stopped()) co_await sleep_for(std::chrono::milliseconds(50));
  if (!*over) engine.cancel(id);
}

Task<engine::WorkflowAnswer> run_file(NestedRuns runs, std::string parent, engine::WorkflowCall call) {
  runs.files.push_back(path_of(runs, call));
  const LocalFlow local = read_flow(runs.files.back());
  refuse_misspelt(local);
  flow::Graph graph = flow::read_workflow(local.document);
  if (graph.name.empty()) graph.name = local.name;
  engine::Order order;
  services::plan_part(graph, runs.settings, services::PartialRun(), order);
  order.input = services::stored_json(call.input);
  order.execution_id = new_id();
  order.workflow_name = graph.name;
  order.mode = "cli";
  order.state_of = "file:" + runs.files.back();
  order.document = json::serialize(local.document);
  order.catalog = runs.catalog;
  order.parent = std::move(parent);
  order.in_parents_place = true;
  const std::string id = order.execution_id;
  const flow::Plan plan = order.plan;
  engine::Engine& engine = runs.engine;
  let_run_files(order, std::move(runs));
  co_await engine.recorder().start(order);
  const auto over = std::make_shared<bool>(false);  // shared with the watcher, which may be the last to know
  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, end_when_stopped(engine, id, std::move(call.stopped), over), asio::detached);
  auto running = engine.run(std::move(order), nullptr);
  const engine::Outcome outcome = co_await std::move(running);
  *over = true;
  engine::WorkflowAnswer answer = answer_of(id, plan, outcome);
  if (!call.wait && !answer.error) answer.value = json::serialize(json::object{{"execution_id", id}});
  co_return answer;
}

}  // namespace

void let_run_files(engine::Order& order, NestedRuns runs) {
  order.call_workflow = [runs = std::move(runs), parent = order.execution_id](engine::WorkflowCall call) {
    return run_file(runs, parent, std::move(call));
  };
}

}  // namespace qflow::cli
