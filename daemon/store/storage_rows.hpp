// How much each user keeps: their executions, files, workflows and library nodes, in bytes. Triggers count
// (schema/migrations/0007_keeping.sql).
#pragma once
#include <cstdint>
#include <string>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

std::int64_t bytes_kept(sqlite::Db& db, const std::string& user_id);
/// Throws Fault(no_space, "quota") when the user keeps `quota` bytes or more, or would with `more` bytes; 0: there is
/// no limit.
void require_room(sqlite::Db& db, const std::string& user_id, std::uint64_t quota, std::uint64_t more = 0);

}  // namespace qflow::store
