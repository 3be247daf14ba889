#include "daemon/store/waiting_rows.hpp"

namespace qflow::store {

void insert_kept(sqlite::Tx& tx, const KeptRow& row) {
  tx->exec("DELETE FROM kept_values WHERE workflow_execution_id=? AND node_id=?", row.workflow_execution_id,
           row.node_id);
  tx->exec(
      "INSERT INTO kept_values (workflow_execution_id, node_id, encoding, hash_sha256, size, keep_ms, kept_at) VALUES "
      "(?,?,?,?,?,?,?)",
      row.workflow_execution_id, row.node_id, row.encoding, row.hash_sha256, row.size, row.keep_ms, row.kept_at);
}

std::vector<KeptRow> kept_of(sqlite::Db& db, const std::string& execution_id) {
  return db.all<KeptRow>(
      "SELECT workflow_execution_id, node_id, encoding, hash_sha256, size, keep_ms, kept_at FROM kept_values WHERE "
      "workflow_execution_id=?",
      execution_id);
}

bool is_blob_used(sqlite::Db& db, const std::string& hash) {
  return db.one<std::int64_t>("SELECT 1 FROM files WHERE hash_sha256=? LIMIT 1", hash) ||
         db.one<std::int64_t>("SELECT 1 FROM kept_values WHERE hash_sha256=? LIMIT 1", hash) ||
         db.one<std::int64_t>("SELECT 1 FROM cached_values WHERE hash_sha256=? LIMIT 1", hash);
}

void delete_kept(sqlite::Tx& tx, const std::string& execution_id, std::vector<std::string>& orphans) {
  const auto hashes =
      tx->all<std::string>("SELECT DISTINCT hash_sha256 FROM kept_values WHERE workflow_execution_id=?", execution_id);
  if (hashes.empty()) return;
  tx->exec("DELETE FROM kept_values WHERE workflow_execution_id=?", execution_id);
  for (const std::string& hash : hashes)
    if (!is_blob_used(*tx.operator->(), hash)) orphans.push_back(hash);
}

bool wait_execution(sqlite::Tx& tx, const std::string& id, std::optional<std::int64_t> till, const std::string& node,
                    double duration_ms, const std::optional<std::string>& state_changes) {
  tx->exec(
      "UPDATE workflow_executions SET status='waiting', wait_till=?2, waited_at=?3, resume_data=NULL, duration_ms=?4, "
      "after_crash=0, state_changes=?5 "
      "WHERE id=?1 AND status='running'",
      id, till, node, duration_ms, state_changes);
  return tx->changes() > 0;
}

std::vector<std::string> due_executions(sqlite::Db& db, std::int64_t now, std::int64_t most) {
  return db.all<std::string>(
      "SELECT id FROM workflow_executions WHERE status='waiting' AND wait_till<=? ORDER BY wait_till LIMIT ?", now,
      most);
}

std::optional<std::int64_t> next_due(sqlite::Db& db) {
  return db.one<std::int64_t>(
      "SELECT wait_till FROM workflow_executions WHERE status='waiting' AND wait_till IS NOT NULL ORDER BY wait_till "
      "LIMIT 1");
}

bool wake_execution(sqlite::Tx& tx, const std::string& id, const std::string& owner,
                    const std::optional<std::string>& data, bool by_address) {
  tx->exec(
      "UPDATE workflow_executions SET status='queued', wait_till=NULL, owner=?2, resume_data=?3 WHERE id=?1 AND "
      "status='waiting' AND (NOT ?4 OR wait_till IS NULL)",
      id, owner, data, by_address);
  return tx->changes() > 0;
}

void requeue_execution(sqlite::Tx& tx, const std::string& id, bool resume) {
  if (!resume) {
    tx->exec("DELETE FROM node_executions WHERE workflow_execution_id=?", id);
    tx->exec("UPDATE workflow_executions SET status='queued', waited_at=NULL WHERE id=?", id);
    return;
  }
  tx->exec("UPDATE workflow_executions SET status='queued', waited_at=ifnull(waited_at, ''), after_crash=1 WHERE id=?",
           id);
}

WaitState wait_state(sqlite::Db& db, const std::string& id) {
  return db
      .one<WaitState>(
          "SELECT waited_at, resume_data, duration_ms, after_crash, state_changes FROM workflow_executions WHERE id=?",
          id)
      .value_or(WaitState{});
}

}  // namespace qflow::store
