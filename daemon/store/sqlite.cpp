#include "daemon/store/sqlite.hpp"

namespace qflow::sqlite {

Db::Db(const std::string& path, bool read_only) {
  sqlite3* raw = nullptr;
  const int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  db_.reset(raw);
  if (result != SQLITE_OK) fail("open " + path);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_busy_timeout(raw, 10'000);  // a `qflow run` may write while the daemon runs
  // FULL: a commit is on the disk when it is reported; the writer's group commit shares the cost.
  // auto_vacuum must be set before the first table; free pages can then be given back in pieces.
  if (!read_only)
    script(
        "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
        "journal_size_limit=67108864;");
  // Recursive triggers: a row that INSERT OR REPLACE removes has its delete triggers fired.
  script("PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; PRAGMA cache_size=-4000;");
}

void Db::fail(const std::string& doing) const {
  throw Error(sqlite3_extended_errcode(db_.get()), doing + ": " + sqlite3_errmsg(db_.get()));
}

void Db::script(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql.substr(0, 200));
}

sqlite3_stmt* Db::prepared(Sql sql) {
  auto& slot = cache_[sql.text()];
  if (!slot) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql.text(), -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
      fail(sql.text());
    slot.reset(raw);
  }
  return slot.get();
}

bool Db::step(sqlite3_stmt* statement) const {
  const int result = sqlite3_step(statement);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) fail(sqlite3_sql(statement));
  return false;
}

}  // namespace qflow::sqlite
