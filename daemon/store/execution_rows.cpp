#include "daemon/store/execution_rows.hpp"

#include "daemon/base/fault.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <deque>
#include <map>

#include "daemon/base/time.hpp"
#include "daemon/store/waiting_rows.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::store {

#define EXECUTION                                                                                                  \
  "id, workflow_id, workflow_name, status, mode, started_at, completed_at, duration_ms, input_data, output_data, " \
  "error_message, error_stack_trace, error_node, python_version, isolation_level, resource_usage, owner, "         \
  "outcome, isolation_missing, sandbox, created_by, container_id, document_hash, bytes, retry_of, wait_till, "     \
  "concurrency_key, parent_execution_id"
#define SUMMARY                                                                                                \
  "id, workflow_id, workflow_name, status, mode, started_at, completed_at, duration_ms, NULL, NULL, "          \
  "error_message, NULL, error_node, python_version, isolation_level, resource_usage, owner, "                  \
  "outcome, isolation_missing, sandbox, created_by, container_id, document_hash, bytes, retry_of, wait_till, " \
  "concurrency_key, parent_execution_id"
#define NODE_RUN                                                                                                      \
  "workflow_execution_id, node_id, node_name, node_type, status, started_at, completed_at, duration_ms, input_data, " \
  "output_data, output_type, output_exact, output_truncated, stdout, stderr, output_dropped, error_type, "            \
  "error_message, error_stack_trace, error_line, execution_order, outcome, denied, resource_usage, warnings, run, "   \
  "retry_count, loop_index, live, reason, branch, told"
#define FILE_COLUMNS                                                                                    \
  "id, filename, file_size_bytes, mime_type, hash_sha256, workflow_execution_id, node_id, created_at, " \
  "original_filename, is_temporary, expires_at, created_by, is_output"
#define FLOW                                                                                                   \
  "workflow_execution_id, source_node_id, target_node_id, data_type, data_size_bytes, serialization_time_ms, " \
  "transfer_time_ms"

void insert_execution(sqlite::Tx& tx, const Execution& e) {
  tx->exec("INSERT INTO workflow_executions (" EXECUTION
           ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
           e.id, e.workflow_id, e.workflow_name, e.status, e.mode, e.started_at, e.completed_at, e.duration_ms,
           e.input_data, e.output_data, e.error_message, e.error_stack_trace, e.error_node, e.python_version,
           e.isolation_level, e.resource_usage, e.owner, e.outcome, e.isolation_missing, e.sandbox, e.created_by,
           e.container_id, e.document_hash, e.bytes, e.retry_of, e.wait_till, e.concurrency_key, e.parent_execution_id);
}

void queue_execution(sqlite::Tx& tx, const std::string& id) {
  tx->exec("UPDATE workflow_executions SET status='queued' WHERE id=? AND status='running'", id);
}

bool begin_execution(sqlite::Tx& tx, const std::string& id, std::int64_t started_at) {
  tx->exec(
      "UPDATE workflow_executions SET status='running', started_at=CASE WHEN waited_at IS NULL THEN ?2 ELSE started_at "
      "END WHERE id=?1 AND status IN ('queued', 'running')",
      id, started_at);
  return tx->changes() > 0;
}

std::optional<std::string> find_input(sqlite::Db& db, const std::string& id) {
  return db.one<std::optional<std::string>>("SELECT input_data FROM workflow_executions WHERE id=?", id)
      .value_or(std::nullopt);
}

bool finish_execution(sqlite::Tx& tx, const Execution& e) {
  tx->exec(
      "UPDATE workflow_executions SET status=?2, completed_at=?3, duration_ms=?4, output_data=?5, error_message=?6, "
      "error_stack_trace=?7, error_node=?8, python_version=?9, resource_usage=?10, outcome=?11, "
      "bytes=bytes+?12 WHERE id=?1",
      e.id, e.status, e.completed_at, e.duration_ms, e.output_data, e.error_message, e.error_stack_trace, e.error_node,
      e.python_version, e.resource_usage, e.outcome, e.bytes);
  return tx->changes() > 0;
}

bool end_execution(sqlite::Tx& tx, Execution& row, const std::string& status, const std::string& message) {
  row.status = row.outcome = status;
  row.completed_at = now_us();
  row.error_message = message;
  tx->exec(
      "UPDATE workflow_executions SET status=?2, outcome=?3, completed_at=?4, error_message=?5, bytes=bytes+ifnull("
      "(SELECT sum(ifnull(length(output_data), 0)+length(stdout)+length(stderr)) FROM node_executions WHERE "
      "workflow_execution_id=?1), 0) WHERE id=?1 AND status IN ('queued', 'waiting', 'running')",
      row.id, row.status, row.outcome, row.completed_at, row.error_message);
  if (tx->changes() == 0) return false;
  std::vector<std::string> orphans;  // the sweep finds them
  delete_kept(tx, row.id, orphans);
  add_usage(tx, row, 0);
  if (status != "cancelled") insert_error(tx, row);
  return true;
}

void insert_node(sqlite::Tx& tx, const NodeExecution& n) {
  tx->exec("INSERT OR REPLACE INTO node_executions (" NODE_RUN
           ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
           n.workflow_execution_id, n.node_id, n.node_name, n.node_type, n.status, n.started_at, n.completed_at,
           n.duration_ms, n.input_data, n.output_data, n.output_type, n.output_exact, n.output_truncated,
           n.standard_output, n.standard_error, n.output_dropped, n.error_type, n.error_message, n.error_stack_trace,
           n.error_line, n.execution_order, n.outcome, n.denied, n.resource_usage, n.warnings, n.run, n.retry_count,
           n.loop_index, n.live, n.reason, n.branch, n.told);
}

void drop_node(sqlite::Tx& tx, const std::string& execution_id, std::int64_t order) {
  tx->exec("DELETE FROM node_executions WHERE workflow_execution_id=? AND execution_order=?", execution_id, order);
}

std::int64_t thin_nodes(sqlite::Tx& tx, const std::string& execution_id, const std::string& node_id, std::int64_t first,
                        std::int64_t last) {
  tx->exec(
      "DELETE FROM node_executions WHERE workflow_execution_id=? AND node_id=? AND run>=? AND run<? AND "
      "status<>'failed'",
      execution_id, node_id, first, last);
  return tx->changes();
}

void insert_file(sqlite::Tx& tx, const File& f) {
  tx->exec("INSERT INTO files (" FILE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", f.id, f.filename,
           f.file_size_bytes, f.mime_type, f.hash_sha256, f.workflow_execution_id, f.node_id, f.created_at,
           f.original_filename, f.is_temporary, f.expires_at, f.created_by, f.is_output);
}

void insert_flow(sqlite::Tx& tx, const DataFlowRow& f) {
  tx->exec("INSERT INTO node_data_flow (" FLOW ") VALUES (?,?,?,?,?,?,?)", f.workflow_execution_id, f.source_node_id,
           f.target_node_id, f.data_type, f.data_size_bytes, f.serialization_time_ms, f.transfer_time_ms);
}

std::int64_t count_nodes(sqlite::Db& db, const std::string& execution_id) {
  return db.one<std::int64_t>("SELECT count(*) FROM node_executions WHERE workflow_execution_id=?", execution_id)
      .value_or(0);
}

std::vector<DataFlowRow> flows_of(sqlite::Db& db, const std::string& execution_id) {
  return db.all<DataFlowRow>("SELECT " FLOW " FROM node_data_flow WHERE workflow_execution_id=? ORDER BY id",
                             execution_id);
}

void add_usage(sqlite::Tx& tx, const Execution& e, std::int64_t cpu_us) {
  constexpr std::int64_t kDay = 86'400'000'000;
  tx->exec(
      "INSERT INTO usage_daily (day, created_by, workflow_id, status, executions, duration_ms, longest_ms, cpu_us) "
      "VALUES (?1,?2,?3,?4,1,?5,?5,?6) ON CONFLICT DO UPDATE SET executions=executions+1, "
      "duration_ms=duration_ms+excluded.duration_ms, longest_ms=max(longest_ms, excluded.longest_ms), "
      "cpu_us=cpu_us+excluded.cpu_us",
      e.completed_at.value_or(0) / kDay, e.created_by.value_or(""), e.workflow_id.value_or(""), e.status,
      e.duration_ms.value_or(0), cpu_us);
}

void insert_error(sqlite::Tx& tx, const Execution& e) {
  tx->exec(
      "INSERT INTO error_logs (error_type, error_message, stack_trace, workflow_execution_id, workflow_id, node_id, "
      "severity, created_by, recorded_at) VALUES (?,?,?,?,?,?,'error',?,?)",
      e.outcome, *e.error_message, e.error_stack_trace.value_or(""), e.id, e.workflow_id, e.error_node.value_or(""),
      e.created_by.value_or(""), e.completed_at.value_or(0));
}

bool delete_execution(sqlite::Tx& tx, const std::string& id, std::vector<std::string>& orphans) {
  const auto hashes = tx->all<std::string>(
      "SELECT hash_sha256 FROM files WHERE workflow_execution_id=?1 UNION SELECT hash_sha256 FROM kept_values WHERE "
      "workflow_execution_id=?1",
      id);
  tx->exec("DELETE FROM workflow_executions WHERE id=?", id);
  const bool deleted = tx->changes() > 0;
  for (const std::string& hash : hashes)
    if (!is_blob_used(*tx.operator->(), hash)) orphans.push_back(hash);
  return deleted;
}

std::vector<Execution> mark_crashed(sqlite::Tx& tx, const GoesOn& goes_on) {
  std::vector<Execution> gone;
  for (const std::string& owner : tx->all<std::string>("SELECT DISTINCT owner FROM workflow_executions WHERE "
                                                       "status='running' OR (status='queued' AND mode='cli')")) {
    if (is_alive(owner)) continue;
    for (Execution& row : tx->all<Execution>(
             "SELECT " SUMMARY " FROM workflow_executions WHERE status IN ('running', 'queued') AND owner=? AND "
             "(status='running' OR mode='cli')",
             owner)) {
      if (goes_on && goes_on(tx, row)) continue;
      if (end_execution(tx, row, "crashed",
                        "qflow stopped while this ran; the nodes recorded before that are complete"))
        gone.push_back(std::move(row));
    }
  }
  return gone;
}

std::vector<std::string> claim_queued(sqlite::Tx& tx, const std::string& owner) {
  std::vector<std::string> dead;
  for (std::string& one : tx->all<std::string>("SELECT DISTINCT owner FROM workflow_executions WHERE status='queued'"))
    if (!is_alive(one)) dead.push_back(std::move(one));
  std::map<std::string, std::deque<std::string>> by_user;
  for (const std::string& one : dead) {
    for (Execution& row :
         tx->all<Execution>("SELECT " SUMMARY
                            " FROM workflow_executions WHERE status='queued' AND mode<>'cli' AND owner=? ORDER BY id",
                            one))
      by_user[row.created_by.value_or("")].push_back(std::move(row.id));
    tx->exec("UPDATE workflow_executions SET owner=?2 WHERE status='queued' AND mode<>'cli' AND owner=?1", one, owner);
  }
  std::vector<std::string> claimed;
  while (!by_user.empty())
    for (auto at = by_user.begin(); at != by_user.end();) {
      claimed.push_back(std::move(at->second.front()));
      at->second.pop_front();
      at = at->second.empty() ? by_user.erase(at) : std::next(at);
    }
  return claimed;
}

bool put_document(sqlite::Tx& tx, const std::string& hash, const std::string& document, std::int64_t now) {
  tx->exec("INSERT OR IGNORE INTO documents (hash, created_at, document) VALUES (?,?,?)", hash, now, document);
  return tx->changes() > 0;
}

std::int64_t weight(std::string_view json) {
  constexpr std::size_t kOfElement = 64;
  return static_cast<std::int64_t>(json.size() + kOfElement * schema::count_elements(json));
}

std::optional<std::string> find_document(sqlite::Db& db, const std::string& hash) {
  return db.one<std::string>("SELECT document FROM documents WHERE hash=?", hash);
}

std::int64_t delete_documents(sqlite::Tx& tx, std::int64_t old) {
  tx->exec(
      "DELETE FROM documents WHERE rowid IN (SELECT d.rowid FROM documents d WHERE d.created_at<? AND NOT EXISTS "
      "(SELECT 1 FROM workflow_executions WHERE document_hash=d.hash) LIMIT 500)",
      old);
  return tx->changes();
}

std::optional<Execution> find_execution(sqlite::Db& db, const std::string& id) {
  return db.one<Execution>("SELECT " EXECUTION " FROM workflow_executions WHERE id=?", id);
}

std::optional<Execution> find_summary(sqlite::Db& db, const std::string& id) {
  return db.one<Execution>("SELECT " SUMMARY " FROM workflow_executions WHERE id=?", id);
}

std::optional<Execution> find_execution(sqlite::Db& db, const std::string& id, std::int64_t most) {
  const std::int64_t size =
      db.one<std::int64_t>("SELECT ifnull(length(output_data), 0) FROM workflow_executions WHERE id=?", id).value_or(0);
  auto found = size <= most ? find_execution(db, id) : find_summary(db, id);
  if (!found || (size <= most && (!found->output_data || weight(*found->output_data) <= most))) return found;
  if (size > most) found->input_data = find_input(db, id);
  found->output_data.reset();
  found->left_out = size;
  return found;
}

std::vector<NodeExecution> nodes_of(sqlite::Db& db, const std::string& execution_id, std::int64_t most) {
  std::int64_t all = 0;
  const auto use = [&](NodeExecution& row) {
    const std::size_t streams = row.standard_output.size() + row.standard_error.size();
    all += static_cast<std::int64_t>(streams) + (row.output_data ? weight(*row.output_data) : 0) +
           (row.told ? weight(*row.told) : 0);
    if (all <= most) return;
    row.left_out = static_cast<std::int64_t>(streams + (row.output_data ? row.output_data->size() : 0) +
                                             (row.told ? row.told->size() : 0));
    row.output_data.reset();
    row.told.reset();
    row.standard_output = row.standard_error = std::string();
  };
  return db.all_after<NodeExecution>(
      use, "SELECT " NODE_RUN " FROM node_executions WHERE workflow_execution_id=? ORDER BY execution_order",
      execution_id);
}

std::optional<NodeExecution> node_of(sqlite::Db& db, const std::string& execution_id, const std::string& node,
                                     std::optional<std::int64_t> run) {
  return db.one<NodeExecution>("SELECT " NODE_RUN
                               " FROM node_executions WHERE workflow_execution_id=?1 AND (node_id=?2 OR node_name=?2) "
                               "AND (?3 IS NULL OR run=?3) ORDER BY run DESC LIMIT 1",
                               execution_id, node, run);
}

std::vector<File> files_of(sqlite::Db& db, const std::string& execution_id) {
  return db.all<File>("SELECT " FILE_COLUMNS " FROM files WHERE workflow_execution_id=? ORDER BY id", execution_id);
}

ExecutionPage list_executions(sqlite::Db& db, const ExecutionQuery& q) {
  const std::string before = q.before.empty() ? "~" : q.before;  // above every UUID
  const std::string all_below = "~", all_above;
  ExecutionPage page;
  // One statement for each index, so that a page costs the same however long the list is; counting stops early.
#define RANGE " AND id<?1 AND id>?2"
#define PAGED(WHERE, ...)                                                                                        \
  page.count = db.one<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM workflow_executions WHERE " WHERE RANGE \
                                    " LIMIT 1000)",                                                              \
                                    all_below, all_above, q.limit, q.skip __VA_OPT__(, ) __VA_ARGS__)            \
                   .value_or(0);                                                                                 \
  page.rows = db.all<Execution>("SELECT " SUMMARY " FROM workflow_executions WHERE " WHERE RANGE                 \
                                " ORDER BY id DESC LIMIT ?3 OFFSET ?4",                                          \
                                before, q.after, q.limit, q.skip __VA_OPT__(, ) __VA_ARGS__)
  if (q.statuses) {
#define AMONG " AND status IN (SELECT value FROM json_each(?5))"
    if (q.workflow_id && q.created_by) {
      PAGED("workflow_id=?6 AND created_by=?7" AMONG, *q.statuses, *q.workflow_id, *q.created_by);
    } else if (q.workflow_id) {
      PAGED("workflow_id=?6" AMONG, *q.statuses, *q.workflow_id);
    } else if (q.created_by) {
      PAGED("created_by=?6" AMONG, *q.statuses, *q.created_by);
    } else {
      PAGED("true" AMONG, *q.statuses);
    }
#undef AMONG
  } else if (q.workflow_id && q.status) {
    PAGED("workflow_id=?5 AND status=?6 AND (?7 IS NULL OR created_by=?7)", *q.workflow_id, *q.status, q.created_by);
  } else if (q.workflow_id && q.created_by) {
    PAGED("workflow_id=?5 AND created_by=?6", *q.workflow_id, *q.created_by);
  } else if (q.workflow_id) {
    PAGED("workflow_id=?5", *q.workflow_id);
  } else if (q.created_by && q.status) {
    PAGED("created_by=?5 AND status=?6", *q.created_by, *q.status);
  } else if (q.created_by) {
    PAGED("created_by=?5", *q.created_by);
  } else if (q.status) {
    PAGED("status=?5", *q.status);
  } else {
    PAGED("true");
  }
#undef PAGED
#undef RANGE
  constexpr std::int64_t kCountLimit = 1000;
  page.estimated = page.count >= kCountLimit;
  return page;
}

namespace {
// proc(5), /proc/PID/stat: starttime is the 20th field after the name; it and the pid identify a process of one boot.
std::string start_time(const std::string& pid) {
  std::string stat;
  try {
    stat = sandbox::read_file(fmt::format("/proc/{}/stat", pid), 4096);
  } catch (const sandbox::SysError&) {
    return {};
  }
  auto at = stat.rfind(')');
  for (int field = 0; field < 20 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return {};
  return stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}
}  // namespace

namespace {
std::string boot_id() {
  constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
  try {
    return sandbox::read_file(kPath, 36);
  } catch (const sandbox::SysError&) {
    throw Fault(FaultKind::unavailable, "no_proc", std::string(kPath) + " is not there: mount -t proc proc /proc");
  }
}
}  // namespace

std::string this_process() {
  const std::string pid = std::to_string(::getpid());
  const std::string boot = boot_id();
  return fmt::format("{}:{}:{}", pid, start_time(pid), boot);
}

bool is_alive(const std::string& owner) {
  const auto first = owner.find(':');
  const auto second = owner.find(':', first + 1);
  if (second == std::string::npos) return false;
  if (owner.substr(second + 1) != boot_id()) return false;
  const std::string now = start_time(owner.substr(0, first));
  return !now.empty() && now == owner.substr(first + 1, second - first - 1);
}

}  // namespace qflow::store
