// Stops and deletes executions. Io threads.
#pragma once
#include <string>

#include "daemon/services/services.hpp"
#include "daemon/store/execution_rows.hpp"

namespace qflow::services {

/// Whether an execution of that status has not ended.
bool is_open(std::string_view status);
/// The execution's row, without input and output. Throws Fault(not_found) also when it is not the caller's. On a thread
/// of the store.
store::Execution own_execution(sqlite::Db& db, const auth::Caller& caller, const std::string& id);
/// Ends the execution and waits, for two seconds at most, until its record says so. Throws Fault: not_found; conflict
/// when it has finished, or does not end in that time.
Task<> stop_execution(Services& services, const auth::Caller& caller, std::string id);
/// Ends the execution wherever it is: in the engine, in its queue, or waiting in the store. False: its record does not
/// say so within two seconds.
Task<bool> end_execution(Services& services, std::string id);
/// Deletes the execution with its files. Throws Fault: not_found, conflict while it runs.
Task<> delete_execution(Services& services, const auth::Caller& caller, std::string id);
/// Records the end of an execution that is queued or waits, and announces it, unless it has ended meanwhile.
Task<> end_queued(Services& services, store::Execution row, std::string status, std::string message);

}  // namespace qflow::services
