// The part of Run that uses a worker which has stayed with the values of an earlier execution, and lets its own stay.
#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/engine/run.hpp"

namespace qflow::engine {
namespace {

constexpr std::uint32_t kParked = 0x20000000;  // ids of values that no step of the plan has
constexpr std::size_t kMostExecutions = 8;
constexpr std::size_t kMostShown = 8U << 20U;  // bytes of previews that stay with a worker

}  // namespace

// What the values are called changes at once: the steps of this plan are others than those of the plan before.
Task<std::unique_ptr<Lane>> Run::fork_kept() {
  KeptWorker& kept = *state_.order.kept;
  Lane& from = kept.holder();
  std::unique_ptr<Lane> lane = from.branch(0);
  schema::Adopt adopt;
  std::map<std::string, std::size_t> steps;
  for (const auto& [step, node] : state_.order.live) steps[node] = step;
  std::uint32_t next = kParked;
  for (const auto& [node, value] : kept.values) {
    const auto step = steps.find(node);
    adopt.from.push_back(value.call);
    adopt.to.push_back(step == steps.end() ? next++ : call_id(step->second));
    if (step == steps.end()) parked_[node] = adopt.to.back();
  }
  lane->adopt(adopt);
  from.begin_next();
  const std::optional<LaneAnswer> answer = co_await from.receive();
  const auto* branched = answer ? std::get_if<schema::Branched>(&answer->what) : nullptr;
  const bool forked = branched != nullptr && branched->error == 0 && !from.is_lost();
  const bool there = forked && co_await lane->arrive();
  if (!there) {
    kept.spend();
    throw Fault(FaultKind::unavailable, "kept_worker_lost",
                "the worker that had the values of before is gone; run it again, and they are made anew");
  }
  co_return lane;
}

std::map<std::string, KeptWorker::Value> Run::values_to_keep() {
  const Order& order = state_.order;
  std::map<std::string, KeptWorker::Value> values;
  std::size_t shown = 0;
  for (const std::size_t i : walk_.values_here()) {
    const std::string& node = state_.plan.steps[i].node.id;
    const auto lineage = order.lineages.find(node);
    const schema::Result& result = *state_.outcome.steps[i].result;
    shown += result.preview.size();
    if (lineage == order.lineages.end() || shown > kMostShown) continue;
    KeptWorker::Value& value = values[node];
    if (const auto live = order.live.find(i); live != order.live.end())
      value.executions = order.kept->values.at(live->second).executions;
    if (value.executions.size() >= kMostExecutions) value.executions.erase(value.executions.begin());
    value.executions.push_back(order.execution_id);
    value.lineage = lineage->second;
    value.call = call_id(i);
    value.result = result;
  }
  if (!order.kept) return values;
  for (const auto& [node, call] : parked_) {
    if (order.outdated.count(node) != 0) continue;
    const auto [at, added] = values.try_emplace(node, order.kept->values.at(node));
    if (added) at->second.call = call;
  }
  return values;
}

bool Run::may_stay() const {
  const Status status = state_.outcome.status;
  return may_stay_ && (status == Status::completed || status == Status::failed) && state_.plan.sandboxes.size() == 1 &&
         state_.lanes[0] && !state_.lanes[0]->is_lost() && may_stay_();
}

void Run::keep_worker() {
  const Order& order = state_.order;
  std::unique_ptr<Lane>& lane = state_.lanes[0];
  if (!may_stay()) {
    if (!order.kept || !lane) return;
    order.kept->latest = order.execution_id;
    order.kept->holder().drop(*lane);
    return order.kept->holder().send();
  }
  std::map<std::string, KeptWorker::Value> values = values_to_keep();
  lane->watch_output(nullptr);
  if (order.kept) {
    KeptWorker& kept = *order.kept;
    const std::unique_ptr<Lane> before = std::exchange(kept.branch, std::move(lane));
    kept.values = std::move(values);
    kept.latest = order.execution_id;
    if (before) kept.worker->drop(*before);
    kept.worker->send();
    return;
  }
  made_ = std::make_unique<KeptWorker>();
  made_->user = order.created_by;
  made_->workflow_id = order.workflow_id.value_or("");
  made_->python = state_.plan.python;
  made_->environment = state_.plan.environment;
  made_->sandbox = json::serialize(json::value(sandbox_text(state_.plan.sandboxes[0])));
  made_->latest = order.execution_id;
  if (order.input) made_->input = json::serialize(*order.input);
  made_->values = std::move(values);
  made_->worker = std::move(lane);
}

}  // namespace qflow::engine
