// Rows of executions that wait, and of the values that they keep meanwhile. On a thread of the store.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/execution_rows.hpp"

namespace qflow::store {

/// A value that outlives its worker: bytes in a blob, opaque to the daemon.
struct KeptRow {
  std::string workflow_execution_id, node_id, encoding, hash_sha256;
  std::int64_t size = 0;
  double keep_ms = 0;
  std::int64_t kept_at = 0;
};
BOOST_DESCRIBE_STRUCT(KeptRow, (), (workflow_execution_id, node_id, encoding, hash_sha256, size, keep_ms, kept_at))

/// Replaces what was kept of that node before.
void insert_kept(sqlite::Tx& tx, const KeptRow& row);
std::vector<KeptRow> kept_of(sqlite::Db& db, const std::string& execution_id);
/// Drops all that an execution keeps. `orphans`: hashes of blobs that nothing refers to any more.
void delete_kept(sqlite::Tx& tx, const std::string& execution_id, std::vector<std::string>& orphans);
/// Whether a file, a kept or a cached value refers to the blob.
bool is_blob_used(sqlite::Db& db, const std::string& hash);

/// A running execution waits: status `waiting`. `till`: in microseconds; nothing: until it is resumed. `node`: at
/// which; empty: at none, between two. `duration_ms`: how long it has run so far. False when it is not running (any
/// more).
bool wait_execution(sqlite::Tx& tx, const std::string& id, std::optional<std::int64_t> till, const std::string& node,
                    double duration_ms, const std::optional<std::string>& state_changes);
/// The oldest that are due, at most `most`.
std::vector<std::string> due_executions(sqlite::Db& db, std::int64_t now, std::int64_t most);
/// When the next one is due; nothing when none is.
std::optional<std::int64_t> next_due(sqlite::Db& db);
/// One that waits is to go on: status `queued`, run by `owner`. `data`: what came with the call that resumes it, as
/// JSON. False when it does not wait.
bool wake_execution(sqlite::Tx& tx, const std::string& id, const std::string& owner,
                    const std::optional<std::string>& data, bool by_address);
/// One whose process has ended begins again: at its start, or, with `resume`, from what it has recorded and kept.
/// Status `queued`.
void requeue_execution(sqlite::Tx& tx, const std::string& id, bool resume);

/// What an execution that goes on was doing.
struct WaitState {
  std::optional<std::string> waited_at;  ///< nothing: it has not waited, and begins at its start
  std::optional<std::string> resume_data;
  std::optional<double> duration_ms;         ///< how long it had run
  bool after_crash = false;                  ///< its process ended while it ran
  std::optional<std::string> state_changes;  ///< JSON: what it had changed of the workflow's state: [{set, removed}]
};
BOOST_DESCRIBE_STRUCT(WaitState, (), (waited_at, resume_data, duration_ms, after_crash, state_changes))
WaitState wait_state(sqlite::Db& db, const std::string& id);

}  // namespace qflow::store
