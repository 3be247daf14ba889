// The part of Walk that runs other workflows, and answers who has called a webhook. The other workflow is an execution
// of its own, in the place of this one; its input and its result pass as JSON.
#include <fmt/format.h>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/engine/walk.hpp"
#include "daemon/flow/control.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::engine {
namespace {

NodeError failure(const char* type, std::string why, Cause cause = Cause::raised) {
  return {type, std::move(why), "", std::nullopt, cause};
}

}  // namespace

// The worker hands over the input, waits, and gets the result as the step's value.
Task<bool> Walk::run_workflow(std::size_t i) {
  bool on = co_await finish();
  if (!on) co_return false;
  if (readiness(i).what == Readiness::What::skip) {
    skip_step(i, State::lost, "what it takes has failed");
    co_return true;
  }
  calling_ = i;
  on = ask(i);
  if (on) on = co_await serve(*lanes_[run_.plan.steps[i].group], 0);
  calling_.reset();
  if (!on || state_[i] != State::live || !steps_[i].result) co_return on;
  const schema::Result& input = *steps_[i].result;
  if (!input.exact || input.truncated) {
    fail_step(i, failure("NotTransferable",
                         fmt::format("the input of another workflow must be JSON of at most {} MiB, and this is {}",
                                     kOutputBytes >> 20U, input.type)));
    co_return true;
  }
  WorkflowAnswer answer = co_await call_workflow(i, input.preview);
  if (run_.cancelled || run_.expired) co_return false;
  if (lanes_[run_.plan.steps[i].group]->is_lost()) {
    lost_ = lanes_[run_.plan.steps[i].group];
    co_return false;
  }
  take_workflow(i, std::move(answer));
  co_return true;
}

Task<WorkflowAnswer> Walk::call_workflow(std::size_t i, std::string input) {
  const flow::SubWorkflow sub = flow::sub_workflow_of(run_.plan.steps[i].node);
  WorkflowAnswer answer;
  if (!run_.order.call_workflow) {
    answer.error = "no other workflow can be run from here";
    co_return answer;
  }
  // One at a time: it needs no place of its own because this execution does nothing meanwhile.
  co_await run_.child_turn.lock();
  const Mutex::Held turn(run_.child_turn);
  if (run_.cancelled || run_.expired) co_return answer;
  WorkflowCall call{sub.workflow, sub.wait, sub.max_depth, std::move(input), nullptr};
  call.stopped = [this] { return run_.cancelled || run_.expired; };
  try {
    auto running = run_.order.call_workflow(std::move(call));
    answer = co_await std::move(running);
  } catch (const std::exception& problem) {
    answer.error = problem.what();
  }
  co_return answer;
}

void Walk::take_workflow(std::size_t i, WorkflowAnswer answer) {
  StepRun& run = steps_[i];
  run.told.execution = answer.id;
  run.result.reset();
  if (answer.error) return fail_step(i, failure("WorkflowFailed", run_.kept.keep(*answer.error)));
  schema::Result result;
  result.type = json_type(answer.value);
  result.preview = std::move(answer.value);
  result.exact = true;
  lanes_[run_.plan.steps[i].group]->give(i, result.preview);
  run.result = std::move(result);
  forget_given(i);
  end_step(i, Status::completed);
}

// False: it has failed, since what it answers is no JSON.
bool Walk::take_response(std::size_t step) {
  if (run_.plan.steps[step].node.control != flow::Control::respond) return true;
  const schema::Result& result = *steps_[step].result;
  if (!result.exact || result.truncated) {
    fail_step(step,
              failure("NotTransferable", fmt::format("the answer to a webhook must be text or JSON of at most {} MiB",
                                                     kOutputBytes >> 20U)));
    return false;
  }
  if (!run_.order.respond) return true;
  // Only the body is the worker's word.
  std::string wrong;
  const json::value shown = schema::parse_json(result.preview, wrong, 200);
  const json::object& parameters = run_.plan.steps[step].node.control_parameters;
  const auto given = [&](const char* name, json::value otherwise) {
    const json::value* found = parameters.if_contains(name);
    return found == nullptr ? otherwise : *found;
  };
  json::object answer{
      {"status", given("status", 200)}, {"headers", given("headers", json::object())}, {"body", nullptr}};
  if (const json::value* body = shown.is_object() ? shown.get_object().if_contains("body") : nullptr)
    answer["body"] = *body;
  run_.order.respond(json::serialize(answer));
  return true;
}

}  // namespace qflow::engine
