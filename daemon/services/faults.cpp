#include "daemon/services/faults.hpp"

#include <fmt/format.h>

namespace qflow::services {

Fault missing(const char* what, const std::string& id) {
  return {FaultKind::not_found, "not_found", fmt::format("no {} has the id {}", what, id)};
}

std::shared_ptr<engine::Ticket> admit(Services& services, const std::string& user_id) {
  auto ticket = services.engine.admit(services.config.get()->engine.max_waiting, user_id);
  if (!ticket)
    throw Fault(FaultKind::unavailable, "busy", "as many executions as may wait are waiting already; try again later",
                {{"retry_after", 1}});
  return ticket;
}

std::shared_ptr<ByteBudget::Hold> reply_room(Services& services, const std::string& user_id, std::uint64_t bytes) {
  constexpr std::uint64_t kSmall = 64U << 10U;
  if (bytes <= kSmall) return nullptr;
  auto room = services.replies.take(user_id, bytes);
  if (!room)
    throw Fault(FaultKind::unavailable, "busy", "the server is sending too much at once; try again",
                {{"retry_after", 1}});
  return room;
}

std::shared_ptr<ByteBudget::Hold> waiting_room(Services& services, const std::string& user_id, std::uint64_t bytes) {
  constexpr std::uint64_t kSmall = 64U << 10U;
  constexpr std::uint64_t kMemory = 3;  // bytes of a plan for a byte of the document
  if (bytes <= kSmall) return nullptr;
  auto room = services.waiting.take(user_id, bytes * kMemory);
  if (!room)
    throw Fault(FaultKind::unavailable, "busy", "too many large executions are waiting already; try again later",
                {{"retry_after", 5}});
  return room;
}

std::uint64_t quota_of(const Services& services) { return services.config.get()->storage.user_mib << 20U; }

}  // namespace qflow::services
