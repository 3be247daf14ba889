// Starts executions, whatever the cause (a call, a webhook, the editor), and waits for them. Io threads.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/presence.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/services/services.hpp"
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

/// Waits for the execution to end, for at most `patience` and as long as the client is there; neither end of the wait
/// ends the execution. False: it still runs. `presence`: of the client; null: whoever waits is there.
Task<bool> wait_for(const Started& started, Clock::duration patience, Presence* presence = nullptr);
}  // namespace qflow::services
