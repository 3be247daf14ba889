// Cached descriptions of nodes' code, by the hash of everything that determines them. The values are JSON texts.
#pragma once
#include <optional>
#include <string>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

std::optional<std::string> find_description(sqlite::Db& db, const std::string& key);
/// `at`: microseconds. Replaces an earlier description.
void put_description(sqlite::Tx& tx, const std::string& key, const std::string& python_version,
                     const std::string& description, std::int64_t at);
/// Deletes descriptions made before `time`, and the oldest of those that together exceed `most_bytes`; at most 1,000 of
/// each. Returns the number of deleted rows.
std::int64_t delete_descriptions(sqlite::Tx& tx, std::int64_t time, std::int64_t most_bytes);

}  // namespace qflow::store
