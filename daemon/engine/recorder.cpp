#include "daemon/engine/recorder.hpp"

#include "daemon/base/fault.hpp"
#include "daemon/base/fingerprint.hpp"
#include "daemon/base/time.hpp"
#include "daemon/engine/kept_files.hpp"
#include "daemon/engine/outcome_json.hpp"
#include "daemon/engine/record_rows.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/store/state_rows.hpp"
#include "daemon/store/storage_rows.hpp"
#include "daemon/store/usage_rows.hpp"
#include "daemon/store/user_rows.hpp"
#include "daemon/store/waiting_rows.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::engine {
namespace {

constexpr auto kFirstRetry = std::chrono::milliseconds(100);
constexpr std::size_t kMostLost = kFirstRuns + kKeptRuns;  // rows of one execution that wait to be written again
constexpr auto kLongestRetry = std::chrono::seconds(5);
constexpr std::size_t kMostKept = 257U << 20U;  // bytes of one value

json::object parsed_state(const std::optional<store::WorkflowState>& row) {
  std::string error;
  json::value state = row ? schema::parse_json(row->state, error, 200) : json::value();
  return state.is_object() ? std::move(state.get_object()) : json::object();
}

}  // namespace

Recorder::Recorder(store::Store* store, int isolation_level, std::string isolation_missing)
    : store_(store), isolation_level_(isolation_level), isolation_missing_(std::move(isolation_missing)) {}

Task<> Recorder::start(Order& order) {
  if (!records(order)) co_return;
  store::Execution row;
  row.id = order.execution_id;
  row.workflow_id = order.workflow_id;
  row.workflow_name = order.workflow_name;
  row.status = order.queued ? "queued" : "running";
  row.mode = order.mode;
  row.started_at = now_us();
  if (order.input) row.input_data = json::serialize(*order.input);
  row.python_version = order.plan.python;
  row.isolation_level = isolation_level_;
  row.isolation_missing = isolation_missing_;
  row.sandbox = json::serialize(sandboxes_json(order.plan));
  row.owner = owner_;
  row.retry_of = order.retry_of;
  row.parent_execution_id = order.parent;
  if (!order.concurrency_key.empty()) row.concurrency_key = order.concurrency_key;
  if (!order.created_by.empty()) row.created_by = order.created_by;
  if (!order.plan.environment.empty()) row.container_id = order.plan.environment;
  row.bytes = row.input_data ? static_cast<std::int64_t>(row.input_data->size()) : 0;
  if (!order.document.empty()) row.document_hash = Fingerprint().add(order.document).hex();
  auto job = [row = std::move(row), document = order.document, quota = order.quota,
              key = state_key(order)](sqlite::Tx& tx) mutable {
    store::require_room(*tx.operator->(), row.created_by.value_or(""), quota);
    if (row.document_hash && store::put_document(tx, *row.document_hash, document, row.started_at))
      row.bytes += static_cast<std::int64_t>(document.size());
    store::insert_execution(tx, row);
    return store::find_state(*tx.operator->(), key);
  };
  const auto state = co_await store_->write(std::move(job));
  order.state = parsed_state(state);
  order.resumable = !order.document.empty();
  order.document = std::string();
}

Task<> Recorder::queue(const Order& order) {
  if (!records(order)) co_return;
  auto job = [id = order.execution_id](sqlite::Tx& tx) { store::queue_execution(tx, id); };
  try {
    co_await store_->write_always(std::move(job));
  } catch (const std::exception& e) {
    log::error("engine", "it could not be recorded that an execution waits",
               {{"execution_id", order.execution_id}, {"reason", e.what()}});
  }
}

namespace {

// What begin() found.
struct Beginning {
  bool begun = false;
  std::optional<std::string> input;
  std::optional<store::WorkflowState> state;
};

Beginning begin_in(sqlite::Tx& tx, const std::string& id, const std::string& user, bool with_input,
                   const std::string& state) {
  Beginning out;
  const auto owner = user.empty() ? std::nullopt : store::find_user(*tx.operator->(), user);
  if (!user.empty() && (!owner || !owner->is_active)) {
    if (auto row = store::find_summary(*tx.operator->(), id))
      store::end_execution(tx, *row, "cancelled", "the user who started it no longer has access");
    return out;
  }
  out.begun = store::begin_execution(tx, id, now_us());
  if (out.begun && with_input) out.input = store::find_input(*tx.operator->(), id);
  if (out.begun) out.state = store::find_state(*tx.operator->(), state);
  return out;
}

}  // namespace

Task<bool> Recorder::begin(Order& order) {
  if (!records(order)) co_return true;
  auto job = [id = order.execution_id, user = order.created_by, with_input = order.input_is_recorded,
              state = state_key(order)](sqlite::Tx& tx) { return begin_in(tx, id, user, with_input, state); };
  Beginning beginning = co_await store_->write_always(std::move(job));
  if (beginning.input) {
    auto parse = [text = std::move(*beginning.input)] {
      std::string error;
      return schema::parse_json(text, error, 200);
    };
    order.input = co_await store_->offload(std::move(parse));
  }
  order.input_is_recorded = false;
  order.state = parsed_state(beginning.state);
  co_return beginning.begun;
}

void Recorder::step(const Order& order, std::size_t index, const StepRun& run) {
  if (!records(order)) return;
  const auto row = std::make_shared<const store::NodeExecution>(row_of(order, index, run));  // shared by both jobs
  auto work = [row, replaces = run.replaces](sqlite::Tx& tx) {
    if (replaces >= 0) store::drop_node(tx, row->workflow_execution_id, replaces);
    store::insert_node(tx, *row);
  };
  // The end of the execution tries again.
  auto failed = [lost = lost_, row] {
    const std::lock_guard lock(lost->mutex);
    auto& rows = lost->rows[row->workflow_execution_id];
    if (rows.size() < kMostLost) rows.push_back(*row);  // the end says so when others are missing
  };
  store_->post(std::move(work), std::move(failed));
}

std::vector<store::NodeExecution> Recorder::take_lost(const std::string& execution_id) {
  const std::lock_guard lock(lost_->mutex);
  const auto found = lost_->rows.extract(execution_id);
  return found ? std::move(found.mapped()) : std::vector<store::NodeExecution>();
}

Task<std::vector<store::File>> Recorder::keep_files_of(const Order& order, const Outcome& outcome) {
  std::vector<store::File> files;
  if (!has_files(outcome)) co_return files;
  auto keep = [this, &order, &outcome] { return keep_files(*store_, order.execution_id, order.plan, outcome); };
  files = co_await store_->offload(std::move(keep));
  for (store::File& file : files)
    if (!order.created_by.empty()) file.created_by = order.created_by;
  co_return files;
}

// Rows of steps were posted and may have failed meanwhile (a full disk, a lock): an end whose steps are not all there
// writes them again in its own transaction. A failure is tried again until it succeeds, or `patience` is over: an
// execution must not look as if it still ran.
Task<> Recorder::end(const Order& order, const Outcome& outcome) {
  if (!records(order)) co_return;
  std::int64_t rows = outcome.rows;
  for (std::size_t i = 0; i < outcome.steps.size(); ++i)
    if (outcome.steps[i].started_at == 0) {
      step(order, i, outcome.steps[i]);
      ++rows;
    }
  const auto ending = std::make_shared<End>(End{end_row(order, outcome),
                                                flow_rows(order, outcome),
                                                {},
                                                {},
                                                outcome.usage.user_us + outcome.usage.system_us,
                                                rows,
                                                long_loops(order, outcome),
                                                state_key(order),
                                                outcome.state_changes});
  const auto start = Clock::now();
  Clock::duration pause = kFirstRetry;
  for (bool kept = false;;) {
    std::string problem;
    try {
      if (!kept) ending->files = co_await keep_files_of(order, outcome);
      kept = true;
      const bool complete = co_await write_end(ending);
      if (complete) {
        take_lost(order.execution_id);
        co_return;
      }
      // The rows that were lost and, should others be missing, the last run of each step.
      for (store::NodeExecution& row : take_lost(order.execution_id)) ending->steps.push_back(std::move(row));
      for (std::size_t i = 0; i < outcome.steps.size(); ++i)
        if (!outcome.steps[i].restored) ending->steps.push_back(row_of(order, i, outcome.steps[i]));
      continue;
    } catch (const std::exception& e) {
      problem = e.what();
      log::error("engine", "the end of an execution could not be recorded",
                 {{"execution_id", order.execution_id}, {"reason", problem}});
      if (Clock::now() - start >= patience_.load()) throw;
    }
    co_await sleep_for(pause);
    pause = std::min<Clock::duration>(2 * pause, kLongestRetry);
  }
}

Task<store::KeptRow> Recorder::put_kept(const std::string& execution_id, const std::string& node_id,
                                        const KeptValue& value) {
  auto put = [this, &value] { return store_->put_blob(value.bytes); };
  store::KeptRow row;
  row.workflow_execution_id = execution_id;
  row.node_id = node_id;
  row.encoding = value.encoding;
  row.hash_sha256 = co_await store_->offload(std::move(put));
  row.size = static_cast<std::int64_t>(value.bytes.size());
  row.keep_ms = value.milliseconds;
  row.kept_at = now_us();
  co_return row;
}

Task<> Recorder::keep(std::string execution_id, std::string node_id, KeptValue value, std::string created_by,
                      std::uint64_t quota) {
  if (store_ == nullptr) co_return;
  try {
    store::KeptRow row = co_await put_kept(execution_id, node_id, value);
    auto job = [row = std::move(row), created_by, quota, more = value.bytes.size()](sqlite::Tx& tx) {
      const auto now = store::find_summary(*tx.operator->(), row.workflow_execution_id);
      if (!now || now->completed_at) return;
      store::require_room(*tx.operator->(), created_by, quota, more);
      store::insert_kept(tx, row);
    };
    co_await store_->write_always(std::move(job));
  } catch (const std::exception& e) {
    log::error("engine", "a value could not be kept for a restart",
               {{"execution_id", execution_id}, {"node_id", node_id}, {"reason", e.what()}});
  }
}

Task<> Recorder::read_kept(Order& order) {
  if (!order.resumed) co_return;
  auto read = [resumed = order.resumed] {
    for (Resumption::Step& one : resumed->steps) {
      if (one.blob.empty()) continue;
      one.value = sandbox::read_file(one.blob, kMostKept);
    }
  };
  std::string problem;
  try {
    co_await store_->offload(std::move(read));
  } catch (const sandbox::SysError& error) {
    problem = error.what();
  }
  if (!problem.empty())
    throw Fault(FaultKind::conflict, "kept_value_lost", "a value that it had kept cannot be read: " + problem);
}

namespace {
enum class Waited { yes, ended, incomplete };
}

// Rows of steps were posted, as for end(): none may be missing, since what has no row runs again.
Task<bool> Recorder::wait(const Order& order, const Outcome& outcome) {
  std::vector<store::KeptRow> rows;
  std::uint64_t more = 0;
  for (const KeptValue& value : outcome.kept) {
    store::KeptRow row = co_await put_kept(order.execution_id, order.plan.steps[value.step].node.id, value);
    more += value.bytes.size();
    rows.push_back(std::move(row));
  }
  const std::vector<store::File> files = co_await keep_files_of(order, outcome);
  const std::string node = outcome.waiting->step ? order.plan.steps[*outcome.waiting->step].node.id : "";
  std::optional<std::string> changes;
  if (!outcome.state_changes.empty()) {
    json::array all;
    all.push_back(outcome.state_changes);
    changes = json::serialize(all);
  }
  std::vector<store::NodeExecution> lost;
  for (int tries = 0; tries < 3; ++tries) {
    for (store::NodeExecution& row : take_lost(order.execution_id)) lost.push_back(std::move(row));
    auto job = [&order, &outcome, &rows, &files, &lost, &changes, node, more](sqlite::Tx& tx) {
      const std::string& id = order.execution_id;
      for (const store::NodeExecution& row : lost) store::insert_node(tx, row);
      if (store::count_nodes(*tx.operator->(), id) < outcome.rows) return Waited::incomplete;
      store::require_room(*tx.operator->(), order.created_by, order.quota, more);
      std::vector<std::string> orphans;  // the sweep finds them
      store::delete_kept(tx, id, orphans);
      for (const store::KeptRow& row : rows) store::insert_kept(tx, row);
      for (const store::File& file : files) store::insert_file(tx, file);
      return store::wait_execution(tx, id, outcome.waiting->till, node, outcome.duration_ms, changes) ? Waited::yes
                                                                                                      : Waited::ended;
    };
    const Waited waited = co_await store_->write_always(std::move(job));
    if (waited != Waited::incomplete) co_return waited == Waited::yes;
  }
  throw std::runtime_error("steps are missing in its record");
}

// False: steps are missing, and nothing was written.
Task<bool> Recorder::write_end(std::shared_ptr<const End> end) {
  auto job = [end = std::move(end)](sqlite::Tx& tx) {
    const End& ending = *end;
    const auto complete = [&] { return store::count_nodes(*tx.operator->(), ending.row.id) >= ending.step_count; };
    if (!complete()) {
      if (!store::find_summary(*tx.operator->(), ending.row.id)) return true;  // it was deleted
      if (ending.steps.empty()) return false;
      for (const store::NodeExecution& row : ending.steps) store::insert_node(tx, row);
      if (!complete())
        log::error("engine", "steps of an execution are missing in its record", {{"execution_id", ending.row.id}});
    }
    for (const auto& [node, runs] : ending.long_loops)
      store::thin_nodes(tx, ending.row.id, node, kKeptRuns, runs - kKeptRuns);
    if (!store::finish_execution(tx, ending.row)) return true;  // it had no steps, and was deleted
    std::vector<std::string> orphans;                           // the sweep finds them
    store::delete_kept(tx, ending.row.id, orphans);
    for (const store::File& file : ending.files) store::insert_file(tx, file);
    for (const store::DataFlowRow& flow : ending.flows) store::insert_flow(tx, flow);
    store::add_usage(tx, ending.row, ending.cpu_us);
    if (ending.row.error_message) store::insert_error(tx, ending.row);
    if (ending.row.status == "completed" && !ending.state_key.empty() && !ending.state_changes.empty() &&
        !store::merge_state(tx, ending.state_key, ending.state_changes, ending.row.id, *ending.row.completed_at))
      log::warning("engine", "the state of a workflow was not kept: it is gone, or others have filled it meanwhile",
                   {{"execution_id", ending.row.id}, {"workflow_id", ending.state_key}});
    return true;
  };
  const bool complete = co_await store_->write_always(std::move(job));
  co_return complete;
}

}  // namespace qflow::engine
