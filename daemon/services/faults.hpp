// Refusals that several services and handlers share, and the per-user limits behind them. Any thread.
#pragma once
#include <memory>

#include "daemon/base/byte_budget.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The 404 for a row of the kind `what` ("workflow") that is not there, or not the caller's.
Fault missing(const char* what, const std::string& id);
/// Counts one more execution of `user_id` that waits for a place. Throws Fault(unavailable) when as many wait as may.
std::shared_ptr<engine::Ticket> admit(Services& services, const std::string& user_id);
/// Memory for an execution of `user_id` that waits with a workflow of so many bytes; null for a small one. Throws
/// Fault(unavailable) when waiting executions take too much already, of everybody or of this user.
std::shared_ptr<ByteBudget::Hold> waiting_room(Services& services, const std::string& user_id, std::uint64_t bytes);

/// Room for a reply of about so many bytes, kept until the reply is sent; null for one that is too small to count.
/// Throws Fault(unavailable) when too much is on its way already, to everybody or to `user_id`.
std::shared_ptr<ByteBudget::Hold> reply_room(Services& services, const std::string& user_id, std::uint64_t bytes);
/// Bytes that one user may keep (storage.user_mib); 0: any number.
std::uint64_t quota_of(const Services& services);

}  // namespace qflow::services
