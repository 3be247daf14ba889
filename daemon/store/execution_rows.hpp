// The record: executions, their nodes, the files they produced. Functions that write take the transaction.
#pragma once
#include <functional>
#include <limits>
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
  std::optional<std::string> retry_of;             ///< the execution that it repeats
  std::optional<std::string> document_hash;        ///< of what it runs, see put_document()
  std::int64_t bytes = 0;                          ///< of the record, once it has ended; before that, of the input
  std::optional<std::int64_t> wait_till;           ///< when one that waits goes on; nothing: when it is resumed
  std::optional<std::string> parent_execution_id;  ///< the execution that runs it as a part of itself
  std::optional<std::string> concurrency_key;      ///< which others it is counted with (settings.concurrency)
  std::int64_t left_out = 0;                       ///< bytes of output_data that were not read; not a column
};
BOOST_DESCRIBE_STRUCT(Execution, (),
                      (id, workflow_id, workflow_name, status, mode, started_at, completed_at, duration_ms, input_data,
                       output_data, error_message, error_stack_trace, error_node, python_version, isolation_level,
                       resource_usage, owner, outcome, isolation_missing, sandbox, created_by, container_id,
                       document_hash, bytes, retry_of, wait_till, concurrency_key, parent_execution_id))

/// One run of a node in an execution.
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
  std::optional<std::string> told;              ///< JSON: what it told by `import qflow` (0011_telling.sql)
  std::int64_t run = 0;                         ///< how often the node had run before
  std::int64_t retry_count = 0;                 ///< how often it had been tried before, for the same inputs
  std::optional<std::string> loop_index, live;  ///< JSON lists: the rounds it is in; its outputs that carry a value
  std::string reason;                           ///< why it was skipped
  std::int64_t branch = 0;                      ///< the number of the branch that it ran in; 0: none
  std::int64_t left_out = 0;  ///< bytes of output_data and the streams that were not kept in memory; not a column
};
BOOST_DESCRIBE_STRUCT(NodeExecution, (),
                      (workflow_execution_id, node_id, node_name, node_type, status, started_at, completed_at,
                       duration_ms, input_data, output_data, output_type, output_exact, output_truncated,
                       standard_output, standard_error, output_dropped, error_type, error_message, error_stack_trace,
                       error_line, execution_order, outcome, denied, resource_usage, warnings, run, retry_count,
                       loop_index, live, reason, branch, told))

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
  bool is_output = false;  ///< the whole output of its node as JSON: the node's own row has a part of it only
};
BOOST_DESCRIBE_STRUCT(File, (),
                      (id, filename, file_size_bytes, mime_type, hash_sha256, workflow_execution_id, node_id,
                       created_at, original_filename, is_temporary, expires_at, created_by, is_output))

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
/// It must wait for a place after all: status `queued`.
void queue_execution(sqlite::Tx& tx, const std::string& id);
/// It has a place: status `running`, started_at. False when it is no longer open (stopped, deleted).
bool begin_execution(sqlite::Tx& tx, const std::string& id, std::int64_t started_at);
/// Its input as it was recorded; nothing when it has none.
std::optional<std::string> find_input(sqlite::Db& db, const std::string& id);
/// Writes how the execution ended: status, completed_at, duration_ms, output_data, error_*, python_version,
/// resource_usage, outcome. `bytes`: what the record has grown by. False when there is no such execution (any more).
bool finish_execution(sqlite::Tx& tx, const Execution& execution);
/// Ends one that never began, or whose process is gone, with its sums and error; the rows of its nodes count with it.
/// False when it has ended already.
bool end_execution(sqlite::Tx& tx, Execution& row, const std::string& status, const std::string& message);
void insert_node(sqlite::Tx& tx, const NodeExecution& node);
/// Deletes the row of the run with this execution_order.
void drop_node(sqlite::Tx& tx, const std::string& execution_id, std::int64_t order);
/// Deletes the rows of a node's runs from `first` to before `last`, but for those that failed. Returns how many.
std::int64_t thin_nodes(sqlite::Tx& tx, const std::string& execution_id, const std::string& node_id, std::int64_t first,
                        std::int64_t last);
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
/// Whether an execution that a dead process was running goes on instead of being marked; it is no longer `running`
/// then.
using GoesOn = std::function<bool(sqlite::Tx& tx, const Execution& row)>;
/// Marks executions that dead processes were running as crashed, with their sums and errors. Returns them. What such a
/// process had only queued is left to claim_queued(), but for the command line's, which nobody else runs.
std::vector<Execution> mark_crashed(sqlite::Tx& tx, const GoesOn& goes_on = nullptr);
/// Makes `owner` the process that runs what dead processes had queued. Returns their ids: one of each user in turn,
/// each user's oldest first.
std::vector<std::string> claim_queued(sqlite::Tx& tx, const std::string& owner);

/// Keeps what an execution runs; equal documents once. `hash`: of the text. True when it was not there yet.
bool put_document(sqlite::Tx& tx, const std::string& hash, const std::string& document, std::int64_t now);
std::optional<std::string> find_document(sqlite::Db& db, const std::string& hash);
/// Deletes a bounded piece of the documents that no execution refers to and that were kept before `old`. Returns how
/// many.
std::int64_t delete_documents(sqlite::Tx& tx, std::int64_t old);

std::optional<Execution> find_execution(sqlite::Db& db, const std::string& id);
/// Without input_data, output_data and error_stack_trace.
std::optional<Execution> find_summary(sqlite::Db& db, const std::string& id);
/// The whole row, but without an output_data that weighs more than `most`: `left_out` then has its size.
std::optional<Execution> find_execution(sqlite::Db& db, const std::string& id, std::int64_t most);
/// In order. When they weigh more than `most` together, the rows beyond have no output_data and no streams: `left_out`
/// has their size.
std::vector<NodeExecution> nodes_of(sqlite::Db& db, const std::string& execution_id,
                                    std::int64_t most = std::numeric_limits<std::int64_t>::max());
/// The row of one node, by its id or name: of that run, or of its last one.
std::optional<NodeExecution> node_of(sqlite::Db& db, const std::string& execution_id, const std::string& node,
                                     std::optional<std::int64_t> run = std::nullopt);
std::vector<File> files_of(sqlite::Db& db, const std::string& execution_id);

/// What a stored JSON text costs where it is parsed, about, in bytes of text: many small values take more memory than a
/// long string.
std::int64_t weight(std::string_view json);

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
