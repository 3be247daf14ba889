#include "daemon/services/faults.hpp"

#include <fmt/format.h>

namespace qflow::services {

Fault missing(const char* what, const std::string& id) {
  return {FaultKind::not_found, "not_found", fmt::format("no {} has the id {}", what, id)};
}

void refuse_if_full(const Services& services) {
  if (services.engine.waiting() >= services.config.get()->engine.max_waiting)
    throw Fault(FaultKind::unavailable, "busy", "too many executions are waiting already; try again later");
}

}  // namespace qflow::services
