// Sums over executions, from daily sums that each ended execution is added to; errors; the host's health. `owner`: only
// that user's; nothing: everybody's.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// One group of executions. Durations in milliseconds, processor time in microseconds.
struct UsageSum {
  std::string key;  ///< the status, the day (YYYY-MM-DD) or the workflow's id
  std::int64_t executions = 0, completed = 0;
  double duration_ms = 0, longest_ms = 0;
  std::int64_t cpu_us = 0;
};
BOOST_DESCRIBE_STRUCT(UsageSum, (), (key, executions, completed, duration_ms, longest_ms, cpu_us))
enum class UsageBy { status, day, workflow };
/// `from_day`: days since 1970. By workflow: the 100 with the most executions.
std::vector<UsageSum> usage(sqlite::Db& db, UsageBy by, const std::optional<std::string>& owner, std::int64_t from_day);

struct RowCounts {
  std::int64_t workflows = 0, active_workflows = 0, nodes = 0, credentials = 0, files = 0, file_bytes = 0;
  std::int64_t kept_bytes = 0;  ///< of executions, files, workflows and nodes (storage_rows.hpp)
};
BOOST_DESCRIBE_STRUCT(RowCounts, (), (workflows, active_workflows, nodes, credentials, files, file_bytes, kept_bytes))
RowCounts count_rows(sqlite::Db& db, const std::optional<std::string>& owner);

struct ErrorLog {
  std::int64_t id = 0;
  std::string error_type, error_message;
  std::optional<std::string> workflow_execution_id, workflow_id;
  std::string node_id, severity;
  std::int64_t recorded_at = 0;
};
BOOST_DESCRIBE_STRUCT(ErrorLog, (),
                      (id, error_type, error_message, workflow_execution_id, workflow_id, node_id, severity,
                       recorded_at))
std::vector<ErrorLog> recent_errors(sqlite::Db& db, const std::optional<std::string>& owner, std::int64_t limit);
struct ErrorSum {
  std::string error_type;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(ErrorSum, (), (error_type, count))
std::vector<ErrorSum> error_sums(sqlite::Db& db, const std::optional<std::string>& owner, std::int64_t since);

/// Executions that ended since `since` (microseconds), and how many of them completed; counts at most 10,000.
struct RecentSuccess {
  std::int64_t ended = 0, completed = 0;
};
BOOST_DESCRIBE_STRUCT(RecentSuccess, (), (ended, completed))
RecentSuccess recent_success(sqlite::Db& db, std::int64_t since);

/// Reads from the database, to see whether it answers.
void ping(sqlite::Db& db);

struct HealthSample {
  double cpu_percent = 0, memory_percent = 0, disk_percent = 0;
  std::int64_t active_containers = 0, active_workflows = 0, recorded_at = 0;
};
BOOST_DESCRIBE_STRUCT(HealthSample, (),
                      (cpu_percent, memory_percent, disk_percent, active_containers, active_workflows, recorded_at))
void insert_health(sqlite::Tx& tx, const HealthSample& sample);
void insert_metric(sqlite::Tx& tx, const std::string& name, double value, const std::string& unit, std::int64_t at);

/// What tidying deletes: rows older than these times (microseconds; 0: none). Deletes one bounded piece and returns the
/// number of rows: the caller goes on while there are more, and others can write in between.
struct Expiry {
  std::int64_t executions_before = 0, metrics_before = 0, audit_before = 0, now = 0;
  std::int64_t versions_kept = 1'000'000'000;
};
std::int64_t delete_expired(sqlite::Tx& tx, const Expiry& expiry, std::vector<std::string>& orphaned_blobs);
/// Gives at most 2,000 free pages back to the file system. Returns how many are left.
std::int64_t vacuum_some(sqlite::Db& db);

}  // namespace qflow::store
