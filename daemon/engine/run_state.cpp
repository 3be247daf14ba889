#include "daemon/engine/run_state.hpp"

#include <algorithm>

#include "daemon/engine/call_request.hpp"
#include "daemon/engine/outcome_json.hpp"

namespace qflow::engine {
namespace {

// Of the row of a run, about.
std::int64_t bytes_of(const StepRun& run) {
  std::size_t all = run.standard_output.text.size() + run.standard_error.text.size();
  if (run.result) all += run.result->preview.size();
  if (run.error) all += run.error->message.size() + run.error->traceback.size();
  if (!run.told.empty()) all += json::serialize(told_json(run.told)).size();
  return static_cast<std::int64_t>(all);
}

}  // namespace

RunState::RunState(workers::Pool& workers, const Order& what, StepObserver told)
    : pool(workers),
      order(what),
      plan(what.plan),
      observer(std::move(told)),
      catalog(what.catalog ? what.catalog : std::make_shared<const typing::Catalog>()),
      entries(entry_count(plan)),
      lanes(plan.sandboxes.size()),
      next_channel(plan.sandboxes.size()),
      child_turn(workers.executor()),
      state(what.state),
      file_bytes_left(workers.settings().file_bytes) {
  for (const json::object& change : what.state_changes) state.merge(change, SharedState::kNobody);
  if (what.resumed) {
    next_order = what.resumed->next_order;
    outcome.rows = what.resumed->rows;
    for (const json::object& change : what.resumed->state_changes) state.merge(change, SharedState::kNobody);
  }
  const std::size_t steps = plan.steps.size();
  outcome.steps.resize(steps);
  outcome.runs.resize(steps, 0);
  known.functions.resize(steps);
  known.types.resize(steps);
  known.classes.resize(steps);
  handed_over.resize(steps, false);
  pace.resize(steps);
  for (std::size_t i = 0; i < steps; ++i) units_[plan.steps[i].loop ? *plan.steps[i].loop + 1 : 0].push_back(i);
}

const std::vector<std::size_t>& RunState::units(std::optional<std::size_t> loop) {
  return units_[loop ? *loop + 1 : 0];
}

void RunState::count_run(std::size_t step, StepRun& run) {
  run.count = outcome.runs[step]++;
  if (run.order < 0) run.order = next_order++;
  ++outcome.rows;
  outcome.row_bytes += bytes_of(run);
  if (!plan.steps[step].loop) return;
  std::deque<std::int64_t>& latest = latest_[step];
  latest.push_back(run.status == Status::failed ? -1 : run.order);
  if (latest.size() <= static_cast<std::size_t>(kKeptRuns)) return;
  if (run.count >= kFirstRuns && latest.front() >= 0) {
    run.replaces = latest.front();
    --outcome.rows;
    outcome.row_bytes -= bytes_of(run);  // about what goes with the other row
  }
  latest.pop_front();
}

void RunState::note_flow(std::size_t from, std::size_t to, const char* encoding, std::size_t bytes,
                         double milliseconds) {
  const auto [at, first] = flow_rows_.try_emplace({from, to}, outcome.flows.size());
  if (first) outcome.flows.push_back({from, to, encoding, 0, 0});
  outcome.flows[at->second].bytes += bytes;
  outcome.flows[at->second].transfer_ms += milliseconds;
}

void RunState::kill(workers::End why) {
  for (const auto& lane : lanes)
    if (lane) lane->kill(why);
}

workers::Usage RunState::usage() const {
  workers::Usage sum;
  for (const auto& lane : lanes) {
    if (!lane) continue;
    const workers::Usage one = lane->usage();
    sum.user_us += one.user_us;
    sum.system_us += one.system_us;
    sum.minor_faults += one.minor_faults;
    sum.major_faults += one.major_faults;
    sum.peak_memory_bytes = std::max(sum.peak_memory_bytes, one.peak_memory_bytes);
  }
  for (const StepRun& step : outcome.steps) sum.written_bytes += step.usage.written_bytes;
  return sum;
}

}  // namespace qflow::engine
