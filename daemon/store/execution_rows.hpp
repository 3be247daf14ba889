// The record: executions, their nodes, the files they produced. Functions that write take the transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// One execution. JSON texts; times in microseconds, duration in milliseconds.
struct Execution {
  std::string id;
  std::optional<std::string> workflow_id;
  std::string workflow_name, status, mode;
  std::int64_t started_at = 0;
  std::optional<std::int64_t> completed_at;
  std::optional<double> duration_ms;
  std::optional<std::string> input_data, output_data, error_message, error_stack_trace, error_node;
  std::string python_version;
  std::int64_t isolation_level = 0;
  std::optional<std::string> resource_usage;
  std::string owner;
  std::string outcome;  ///< engine::Cause in words; empty while it runs
  std::string isolation_missing = "[]";
  std::optional<std::string> sandbox, created_by, container_id;
};
BOOST_DESCRIBE_STRUCT(Execution, (),
                      (id, workflow_id, workflow_name, status, mode, started_at, completed_at, duration_ms, input_data,
                       output_data, error_message, error_stack_trace, error_node, python_version, isolation_level,
                       resource_usage, owner, outcome, isolation_missing, sandbox, created_by, container_id))

/// One node of an execution.
struct NodeExecution {
  std::string workflow_execution_id, node_id, node_name, node_type, status;
  std::optional<std::int64_t> started_at, completed_at;
  std::optional<double> duration_ms;
  std::optional<std::string> input_data, output_data, output_type;
  std::optional<bool> output_exact, output_truncated;
  std::string standard_output, standard_error;
  std::int64_t output_dropped = 0;
  std::optional<std::string> error_type, error_message, error_stack_trace;
  std::optional<std::int64_t> error_line;
  std::int64_t execution_order = 0;
  std::string outcome;
  std::optional<std::string> denied, resource_usage, warnings;
};
BOOST_DESCRIBE_STRUCT(NodeExecution, (),
                      (workflow_execution_id, node_id, node_name, node_type, status, started_at, completed_at,
                       duration_ms, input_data, output_data, output_type, output_exact, output_truncated,
                       standard_output, standard_error, output_dropped, error_type, error_message, error_stack_trace,
                       error_line, execution_order, outcome, denied, resource_usage, warnings))

/// A file that a node handed over; its bytes are the blob with that hash.
struct File {
  std::string id, filename;
  std::int64_t file_size_bytes = 0;
  std::string mime_type, hash_sha256;
  std::optional<std::string> workflow_execution_id, node_id;
  std::int64_t created_at = 0;
  std::string original_filename;
  bool is_temporary = false;
  std::optional<std::int64_t> expires_at;
  std::optional<std::string> created_by;
};
BOOST_DESCRIBE_STRUCT(File, (),
                      (id, filename, file_size_bytes, mime_type, hash_sha256, workflow_execution_id, node_id,
                       created_at, original_filename, is_temporary, expires_at, created_by))

/// A value that went from one node to another node's worker.
struct DataFlowRow {
  std::string workflow_execution_id, source_node_id, target_node_id, data_type;
  std::optional<std::int64_t> data_size_bytes;
  std::optional<double> serialization_time_ms, transfer_time_ms;
};
BOOST_DESCRIBE_STRUCT(DataFlowRow, (),
                      (workflow_execution_id, source_node_id, target_node_id, data_type, data_size_bytes,
                       serialization_time_ms, transfer_time_ms))

void insert_execution(sqlite::Tx& tx, const Execution& execution);
/// Writes how the execution ended: status, completed_at, duration_ms, output_data, error_*, python_version,
/// resource_usage, outcome.
void finish_execution(sqlite::Tx& tx, const Execution& execution);
void insert_node(sqlite::Tx& tx, const NodeExecution& node);
void insert_file(sqlite::Tx& tx, const File& file);
void insert_flow(sqlite::Tx& tx, const DataFlowRow& flow);
/// How many nodes of an execution are recorded.
std::int64_t count_nodes(sqlite::Db& db, const std::string& execution_id);
std::vector<DataFlowRow> flows_of(sqlite::Db& db, const std::string& execution_id);
/// Adds an ended execution to the sums of its day.
void add_usage(sqlite::Tx& tx, const Execution& ended, std::int64_t cpu_us);
/// Writes an ended execution's error to error_logs.
void insert_error(sqlite::Tx& tx, const Execution& ended);
/// Deletes an execution with its nodes and files. `orphans`: hashes of the blobs that no file refers to any more.
bool delete_execution(sqlite::Tx& tx, const std::string& id, std::vector<std::string>& orphans);
/// Marks executions left by dead processes as crashed, with their sums and errors. Returns them.
std::vector<Execution> mark_crashed(sqlite::Tx& tx);

std::optional<Execution> find_execution(sqlite::Db& db, const std::string& id);
std::vector<NodeExecution> nodes_of(sqlite::Db& db, const std::string& execution_id);
std::vector<File> files_of(sqlite::Db& db, const std::string& execution_id);

/// A page of the list, newest first. Paging by key: `before` is the last id of the previous page.
struct ExecutionQuery {
  std::int64_t limit = 20, skip = 0;
  std::string before, after;  ///< ids that bound the page; empty: no bound
  std::optional<std::string> workflow_id, status;
  std::optional<std::string> statuses;    ///< a JSON list, instead of `status`: any of these
  std::optional<std::string> created_by;  ///< only this user's executions
};
struct ExecutionPage {
  std::vector<Execution> rows;  ///< without input_data and output_data
  std::int64_t count = 0;
  bool estimated = false;  ///< counting stops at 1,000
};
ExecutionPage list_executions(sqlite::Db& db, const ExecutionQuery& query);

/// This process as `owner` names it: its pid, its start time and the boot.
std::string this_process();
/// Whether the process that `owner` names still runs.
bool is_alive(const std::string& owner);

}  // namespace qflow::store
