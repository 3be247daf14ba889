#include "daemon/store/cache_rows.hpp"

namespace qflow::store {

std::optional<CachedRow> find_cached(sqlite::Db& db, const std::string& user_id, const std::string& key,
                                     std::int64_t now) {
  return db.one<CachedRow>(
      "SELECT user_id, key, encoding, hash_sha256, size, type, preview, exact, truncated, created_at, used_at, "
      "expires_at "
      "FROM cached_values WHERE user_id=?1 AND key=?2 AND (expires_at IS NULL OR expires_at>?3)",
      user_id, key, now);
}

void put_cached(sqlite::Tx& tx, const CachedRow& row) {
  tx->exec(
      "INSERT OR REPLACE INTO cached_values (user_id, key, encoding, hash_sha256, size, type, preview, exact, "
      "truncated, "
      "created_at, used_at, expires_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
      row.user_id, row.key, row.encoding, row.hash_sha256, row.size, row.type, row.preview, row.exact, row.truncated,
      row.created_at, row.used_at, row.expires_at);
  // Now and then, since all rows of the user are looked at: what is beyond the sum of what has been used since.
  if (row.key.front() != '0') return;
  tx->exec(
      "DELETE FROM cached_values WHERE user_id=?1 AND key IN (SELECT key FROM (SELECT key, "
      "sum(size+length(preview)+8192) "
      "OVER "
      "(ORDER BY used_at DESC, key) AS newer FROM cached_values WHERE user_id=?1) WHERE newer>?2)",
      row.user_id, kMostCached);
}

void use_cached(sqlite::Tx& tx, const std::string& user_id, const std::string& key, std::int64_t now) {
  tx->exec("UPDATE cached_values SET used_at=?3 WHERE user_id=?1 AND key=?2", user_id, key, now);
}

std::int64_t delete_stale(sqlite::Tx& tx, std::int64_t now) {
  tx->exec("DELETE FROM cached_values WHERE expires_at<?1 OR used_at<?1-30*86400000000", now);
  return tx->changes();
}

}  // namespace qflow::store
