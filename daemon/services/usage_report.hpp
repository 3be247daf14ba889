// What a user, or for admins everybody, has run and keeps: sums of the last days. Io threads.
#pragma once
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/usage_rows.hpp"

namespace qflow::services {

/// The sums of the last `days` days, today among them, in groups.
Task<std::vector<store::UsageSum>> usage_of(Services& services, const auth::Caller& caller, store::UsageBy by,
                                            std::int64_t days);
/// All groups as one; its `key` is empty.
store::UsageSum total_of(const std::vector<store::UsageSum>& groups);
/// What they keep.
Task<store::RowCounts> kept_by(Services& services, const auth::Caller& caller);

struct ErrorReport {
  std::vector<store::ErrorSum> by_type;
  std::vector<store::ErrorLog> recent;  ///< the newest first
};
/// The errors of the last `days` days by type, and the last `limit` of all.
Task<ErrorReport> errors_of(Services& services, const auth::Caller& caller, std::int64_t days, std::int64_t limit);

}  // namespace qflow::services
