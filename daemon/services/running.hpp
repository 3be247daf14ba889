// Starts executions, whatever the cause: a call, a webhook, the editor.
#pragma once
#include <optional>
#include <string>

#include "daemon/services/services.hpp"
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

}  // namespace qflow::services
