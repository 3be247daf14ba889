#include "daemon/store/storage_rows.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::store {

std::int64_t bytes_kept(sqlite::Db& db, const std::string& user_id) {
  return db.one<std::int64_t>("SELECT bytes FROM storage_use WHERE user_id=?", user_id).value_or(0);
}

void require_room(sqlite::Db& db, const std::string& user_id, std::uint64_t quota, std::uint64_t more) {
  if (quota == 0) return;
  const std::int64_t kept = bytes_kept(db, user_id);
  if (kept < 0 || static_cast<std::uint64_t>(kept) + more < quota) return;
  throw Fault(FaultKind::no_space, "quota",
              fmt::format("your executions, files, workflows and nodes take {} MiB, and {} MiB is what one user may "
                          "keep (storage.user_mib); delete some of them, or ask an admin for more",
                          kept >> 20, quota >> 20U),
              {{"bytes", kept}, {"limit_bytes", quota}});
}

}  // namespace qflow::store
