// Which executions a caller is shown, page by page. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::services {

struct ExecutionQuestion {
  std::int64_t limit = 20, skip = 0;
  std::string before, after;                                  ///< ids that bound the page; empty: no bound
  std::optional<std::int64_t> started_after, started_before;  ///< microseconds since 1970
  std::optional<std::string> workflow_id;
  std::vector<std::string> statuses;  ///< any of these; empty: all
};

/// A page of the caller's executions, for admins of everybody's, the newest first.
Task<store::ExecutionPage> list_executions(Services& services, const auth::Caller& caller, ExecutionQuestion question);
/// Those that wait for a place or run; the newest 100.
Task<store::ExecutionPage> list_active_executions(Services& services, const auth::Caller& caller);

}  // namespace qflow::services
