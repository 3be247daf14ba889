#include "daemon/store/description_rows.hpp"

namespace qflow::store {

std::optional<std::string> find_description(sqlite::Db& db, const std::string& key) {
  return db.one<std::string>("SELECT description FROM node_descriptions WHERE key=?", key);
}

void put_description(sqlite::Tx& tx, const std::string& key, const std::string& python_version,
                     const std::string& description, std::int64_t at) {
  tx->exec("INSERT OR REPLACE INTO node_descriptions (key, python_version, description, created_at) VALUES (?,?,?,?)",
           key, python_version, description, at);
}

std::int64_t delete_descriptions(sqlite::Tx& tx, std::int64_t time, std::int64_t most_bytes) {
  tx->exec(
      "DELETE FROM node_descriptions WHERE key IN (SELECT key FROM node_descriptions WHERE created_at < ? LIMIT 1000)",
      time);
  const std::int64_t old = tx->changes();
  tx->exec(
      "DELETE FROM node_descriptions WHERE key IN (SELECT key FROM (SELECT key, sum(length(description)) OVER (ORDER "
      "BY "
      "created_at DESC, key) AS so_far FROM node_descriptions) WHERE so_far > ? LIMIT 1000)",
      most_bytes);
  return old + tx->changes();
}

}  // namespace qflow::store
