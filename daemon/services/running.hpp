// Starts executions, whatever the cause (a call, a webhook, the editor), waits for them, stops and deletes them. Io
// threads.
#pragma once
#include <optional>
#include <string>

#include "daemon/services/services.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::services {

struct Started {
  std::string id;
  std::int64_t at = 0;
  std::shared_ptr<asio::steady_timer> done;  ///< expires when the execution is over and recorded; shared with it
};

/// Plans `workflow`, records its start and runs it in the background. `mode`: "manual", "webhook". `created_by`: the
/// user who owns the execution. Throws Fault when the workflow cannot be planned, its container does not exist, or too
/// many executions are waiting already.
Task<Started> start_execution(Services& services, const store::Workflow& workflow, std::optional<json::value> input,
                              std::string mode, std::string created_by);
/// Waits for the execution to end, for at most `patience`; a timeout does not end the execution. False: it still runs.
Task<bool> wait_for(const Started& started, Clock::duration patience);

/// The execution's row. Throws Fault(not_found) also when it is not the caller's. On a thread of the store.
store::Execution own_execution(sqlite::Db& db, const auth::Caller& caller, const std::string& id);
/// Ends the execution and waits, for two seconds at most, until its record says so. Throws Fault: not_found, conflict
/// when it has finished.
Task<> stop_execution(Services& services, const auth::Caller& caller, std::string id);
/// Deletes the execution with its files. Throws Fault: not_found, conflict while it runs.
Task<> delete_execution(Services& services, const auth::Caller& caller, std::string id);

}  // namespace qflow::services
