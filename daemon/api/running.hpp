// Starting executions, for whoever causes them: a call, a webhook, the editor.
#pragma once
#include <optional>
#include <string>

#include "daemon/api/services.hpp"
#include "daemon/store/workflows.hpp"

namespace qflow::api {

struct Started {
  std::string id;
  std::int64_t at = 0;
  std::shared_ptr<asio::steady_timer> done;  ///< expires when it is over and recorded; shared with the execution
};

/// Plans `workflow`, records that it runs and lets it run in the background. `mode`: "manual", "webhook".
/// `created_by`: whose execution it is. Throws Fault when it cannot be planned, its container is not there, or too many
/// wait already.
Task<Started> start_execution(Services& services, const store::Workflow& workflow, std::optional<json::value> input,
                              std::string mode, std::string created_by);
/// Waits until it is over, at most `patience`; that ends the waiting, not the execution. False: it still runs.
Task<bool> wait_for(const Started& started, Clock::duration patience);

}  // namespace qflow::api
