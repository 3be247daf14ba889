#include "daemon/store/migrations.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"
#include "migrations_list.hpp"  // made by CMake from schema/migrations

namespace qflow::store {

namespace {

// A migration may change the text of the schema; nothing else may (SQLITE_DBCONFIG_DEFENSIVE).
class SchemaOpen {
 public:
  explicit SchemaOpen(sqlite::Db& db) : db_(db) { set(0); }
  ~SchemaOpen() { set(1); }
  SchemaOpen(const SchemaOpen&) = delete;
  SchemaOpen& operator=(const SchemaOpen&) = delete;

 private:
  void set(int defensive) { sqlite3_db_config(db_.handle(), SQLITE_DBCONFIG_DEFENSIVE, defensive, nullptr); }
  sqlite::Db& db_;
};

}  // namespace

void migrate(sqlite::Db& db) {
  const std::int64_t have = db.one<std::int64_t>("PRAGMA user_version").value_or(0);
  const auto known = static_cast<std::int64_t>(std::size(kMigrations));
  if (have > known)
    throw Fault(
        FaultKind::unavailable, "newer_database",
        fmt::format("the database has schema {}, but this release knows only {}: it was made by a newer qflow; use "
                    "that release, or another --data-dir",
                    have, known));
  if (have == known) return;
  const SchemaOpen open(db);
  for (std::int64_t number = have; number < known; ++number) {
    db.script("BEGIN IMMEDIATE");
    try {
      // Another process may have applied it while we waited for the lock.
      if (db.one<std::int64_t>("PRAGMA user_version").value_or(0) == number) {
        db.script(kMigrations[number]);
        db.script(fmt::format("PRAGMA user_version = {}", number + 1));
      }
      db.script("COMMIT");
    } catch (...) {
      db.script("ROLLBACK");
      throw;
    }
  }
}

}  // namespace qflow::store
