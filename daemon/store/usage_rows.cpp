#include "daemon/store/usage_rows.hpp"
#include "daemon/store/waiting_rows.hpp"

#include "daemon/base/ids.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::store {

std::vector<UsageSum> usage(sqlite::Db& db, UsageBy by, const std::optional<std::string>& owner,
                            std::int64_t from_day) {
#define SUMS                                                                                            \
  ", sum(executions), sum(CASE status WHEN 'completed' THEN executions ELSE 0 END), sum(duration_ms), " \
  "max(longest_ms), sum(cpu_us) FROM usage_daily WHERE day>=?1 AND (?2 IS NULL OR created_by=?2) GROUP BY 1 "
  switch (by) {
    case UsageBy::status:
      return db.all<UsageSum>("SELECT status" SUMS "ORDER BY 1", from_day, owner);
    case UsageBy::day:
      return db.all<UsageSum>("SELECT date(day * 86400, 'unixepoch')" SUMS "ORDER BY 1", from_day, owner);
    case UsageBy::workflow:
      return db.all<UsageSum>("SELECT workflow_id" SUMS "ORDER BY 2 DESC LIMIT 100", from_day, owner);
  }
#undef SUMS
  return {};
}

RowCounts count_rows(sqlite::Db& db, const std::optional<std::string>& owner) {
#define OF(TABLE) "(SELECT count(*) FROM " TABLE " WHERE (?1 IS NULL OR created_by=?1)"
  return db
      .one<RowCounts>("SELECT " OF("workflows") "), " OF("workflows") " AND is_active=1), " OF("python_nodes") "), " OF(
                          "credentials") "), " OF("files") "), coalesce((SELECT sum(file_size_bytes) FROM files WHERE ?1 "
                                                          "IS NULL OR created_by=?1), 0), (SELECT ifnull(sum(bytes), 0) FROM storage_use WHERE ?1 IS NULL OR user_id=?1)",
                      owner)
      .value_or(RowCounts{});
#undef OF
}

#define ERROR_COLUMNS \
  "id, error_type, error_message, workflow_execution_id, workflow_id, node_id, severity, recorded_at"
std::vector<ErrorLog> recent_errors(sqlite::Db& db, const std::optional<std::string>& owner, std::int64_t limit) {
  if (owner)
    return db.all<ErrorLog>("SELECT " ERROR_COLUMNS " FROM error_logs WHERE created_by=? ORDER BY id DESC LIMIT ?",
                            *owner, limit);
  return db.all<ErrorLog>("SELECT " ERROR_COLUMNS " FROM error_logs ORDER BY id DESC LIMIT ?", limit);
}

std::vector<ErrorSum> error_sums(sqlite::Db& db, const std::optional<std::string>& owner, std::int64_t since) {
  return db.all<ErrorSum>(
      "SELECT error_type, count(*) FROM (SELECT error_type FROM error_logs WHERE recorded_at>=?2 AND (?1 IS NULL OR "
      "created_by=?1) ORDER BY recorded_at DESC LIMIT 100000) GROUP BY 1 ORDER BY 2 DESC",
      owner, since);
}

RecentSuccess recent_success(sqlite::Db& db, std::int64_t since) {
  return db
      .one<RecentSuccess>(
          "SELECT count(*), coalesce(sum(status='completed'), 0) FROM (SELECT status FROM workflow_executions WHERE "
          "id>=?1 AND status NOT IN ('queued', 'waiting', 'running') ORDER BY id DESC LIMIT 10000)",
          first_id_at(since))
      .value_or(RecentSuccess{});
}

void ping(sqlite::Db& db) { db.one<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM workflows LIMIT 1)"); }

void insert_health(sqlite::Tx& tx, const HealthSample& s) {
  tx->exec(
      "INSERT INTO system_health (cpu_percent, memory_percent, disk_percent, active_containers, active_workflows, "
      "recorded_at) VALUES (?,?,?,?,?,?)",
      s.cpu_percent, s.memory_percent, s.disk_percent, s.active_containers, s.active_workflows, s.recorded_at);
}

void insert_metric(sqlite::Tx& tx, const std::string& name, double value, const std::string& unit, std::int64_t at) {
  tx->exec("INSERT INTO performance_metrics (metric_name, metric_value, metric_unit, recorded_at) VALUES (?,?,?,?)",
           name, value, unit, at);
}

std::int64_t delete_expired(sqlite::Tx& tx, const Expiry& e, std::vector<std::string>& orphaned_blobs) {
  constexpr int kPiece = 200;
  std::int64_t deleted = 0;
  if (e.executions_before > 0)
    for (const std::string& id : tx->all<std::string>("SELECT id FROM workflow_executions WHERE id<? AND status NOT IN "
                                                      "('queued', 'waiting', 'running') ORDER BY id LIMIT ?",
                                                      first_id_at(e.executions_before), kPiece))
      deleted += delete_execution(tx, id, orphaned_blobs) ? 1 : 0;
  const auto old = [&](sqlite::Sql sql, std::int64_t before) {
    if (before <= 0) return;
    tx->exec(sql, before);
    deleted += tx->changes();
  };
#define OLD(TABLE, TIME) \
  "DELETE FROM " TABLE " WHERE rowid IN (SELECT rowid FROM " TABLE " WHERE " TIME "<? ORDER BY " TIME " LIMIT 2000)"
  old(OLD("performance_metrics", "recorded_at"), e.metrics_before);
  old(OLD("system_health", "recorded_at"), e.metrics_before);
  old(OLD("error_logs", "recorded_at"), e.metrics_before);
  old(OLD("audit_log", "at"), e.audit_before);
  old(OLD("file_access_logs", "accessed_at"), e.metrics_before);
  old(OLD("user_sessions", "expires_at"), e.now);
#undef OLD
  tx->exec(
      "DELETE FROM workflow_versions WHERE rowid IN (SELECT v.rowid FROM workflow_versions v JOIN workflows w ON w.id "
      "= "
      "v.workflow_id WHERE v.version <= w.version - ? LIMIT 500)",
      e.versions_kept);
  deleted += tx->changes();
  for (const std::string& id :
       tx->all<std::string>("SELECT id FROM files WHERE expires_at<? ORDER BY expires_at LIMIT ?", e.now, kPiece)) {
    const auto hash = tx->one<std::string>("SELECT hash_sha256 FROM files WHERE id=?", id);
    tx->exec("DELETE FROM files WHERE id=?", id);
    ++deleted;
    if (hash && !is_blob_used(*tx.operator->(), *hash)) orphaned_blobs.push_back(*hash);
  }
  return deleted;
}

std::int64_t vacuum_some(sqlite::Db& db) {
  db.script("PRAGMA incremental_vacuum(2000)");
  return db.one<std::int64_t>("PRAGMA freelist_count").value_or(0);
}

}  // namespace qflow::store
