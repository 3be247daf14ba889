// Values of nodes that are used again (a node's `cache`): each user's own. On a thread of the store.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// Bytes of values that one user may have in the cache; the least recently used go first.
inline constexpr std::int64_t kMostCached = 1LL << 30;

struct CachedRow {
  std::string user_id, key, encoding, hash_sha256;  ///< '' for nobody; the key is a fingerprint; json or pickle; blob
  std::int64_t size = 0;
  std::string type, preview;  ///< as the record shows it
  bool exact = false, truncated = false;
  std::int64_t created_at = 0, used_at = 0;
  std::optional<std::int64_t> expires_at;  ///< microseconds
};
BOOST_DESCRIBE_STRUCT(CachedRow, (),
                      (user_id, key, encoding, hash_sha256, size, type, preview, exact, truncated, created_at, used_at,
                       expires_at))

/// Nothing: there is none, or it is too old.
std::optional<CachedRow> find_cached(sqlite::Db& db, const std::string& user_id, const std::string& key,
                                     std::int64_t now);
/// Replaces what has that key. One time in sixteen, drops what is least recently used beyond kMostCached, each row
/// counted with 8 KiB more than its value.
void put_cached(sqlite::Tx& tx, const CachedRow& row);
void use_cached(sqlite::Tx& tx, const std::string& user_id, const std::string& key, std::int64_t now);
/// Drops what is too old; returns how many.
std::int64_t delete_stale(sqlite::Tx& tx, std::int64_t now);

}  // namespace qflow::store
