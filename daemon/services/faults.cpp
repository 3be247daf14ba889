#include "daemon/services/faults.hpp"

#include <fmt/format.h>

namespace qflow::services {

Fault missing(const char* what, const std::string& id) {
  return {FaultKind::not_found, "not_found", fmt::format("no {} has the id {}", what, id)};
}

std::shared_ptr<engine::Ticket> admit(Services& services) {
  auto ticket = services.engine.admit(services.config.get()->engine.max_waiting);
  if (!ticket)
    throw Fault(FaultKind::unavailable, "busy", "as many executions as may wait are waiting already; try again later",
                {{"retry_after", 1}});
  return ticket;
}

}  // namespace qflow::services
