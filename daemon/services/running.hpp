// Starts executions, whatever the cause (a call, a webhook, the editor), waits for them, stops and deletes them. Io
// threads.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/presence.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::services {

struct Started {
  std::string id, workflow_id;
  std::int64_t at = 0;
  bool queued = false;                       ///< it will probably wait for a place
  std::shared_ptr<asio::steady_timer> done;  ///< expires when the execution is over and recorded; shared with it
};

/// What is to be run, and for whom.
struct StartRequest {
  std::optional<json::value> input;
  std::string mode = "manual";  ///< manual, webhook, retry, error, workflow, started (by a workflow that does not wait)
  std::string created_by;       ///< the user who owns the execution
  PartialRun part;
  std::optional<std::string> retry_of;                     ///< the execution that this one repeats
  std::vector<json::object> state_changes;                 ///< engine::Order
  std::optional<std::string> parent;                       ///< the execution that starts it as a part of itself
  std::vector<std::string> callers;                        ///< the workflows that run one another down to that one
  bool in_parents_place = false;                           ///< the parent waits for it
  std::function<void(const std::string& answer)> respond;  ///< engine::Order
};
/// Plans `workflow`, records its start and runs it in the background. Throws Fault when the workflow cannot be planned,
/// its container does not exist, too many executions are waiting already, or the user keeps as much as they may.
Task<Started> start_execution(Services& services, const store::Workflow& workflow, StartRequest request);
/// The same for a workflow of the caller's, by its id, as its owner's execution; what the workflow pins is pinned.
/// Throws Fault also: not_found.
Task<Started> run_workflow(Services& services, const auth::Caller& caller, std::string id,
                           std::optional<json::value> input, PartialRun part = {});

/// An execution that runs again.
struct Retried {
  Started started;
  std::vector<std::string> reused;  ///< nodes whose recorded values are used again
  std::vector<std::string> again;   ///< nodes that run
};
/// Runs a finished execution of the caller's again. `from_failed`: go on from the values that it has recorded;
/// otherwise from its start. `current`: the workflow as it is now, not as it was. Throws Fault: not_found; conflict
/// while it runs.
Task<Retried> retry_execution(Services& services, const auth::Caller& caller, std::string id, bool from_failed,
                              bool current);
/// Waits for the execution to end, for at most `patience` and as long as the client is there; neither end of the wait
/// ends the execution. False: it still runs. `presence`: of the client; null: whoever waits is there.
Task<bool> wait_for(const Started& started, Clock::duration patience, Presence* presence = nullptr);
/// Starts executions again that were queued when an earlier process ended (store::claim_queued), one after the other,
/// from the documents that were kept with them. One that cannot run any more is recorded as failed.
/// `running`: how many of them run, for those that start more; null: counted here.
using ResumedCount = std::shared_ptr<std::atomic<std::size_t>>;  // shared with the executions that it counts
Task<> resume_queued(Services& services, std::vector<std::string> ids, ResumedCount running = nullptr);

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

}  // namespace qflow::services
