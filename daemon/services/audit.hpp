// The audit log: changes of access and of secrets, and who made them. Any thread.
#pragma once
#include "daemon/services/services.hpp"

namespace qflow::services {

/// Who acts: an email address, empty while nobody is signed in, and where from.
struct Actor {
  std::string name, peer;
};

/// Notes in the audit log and the log that `actor` has done `action` ("user.created") to `target`. Returns at once; the
/// row is written in the background.
void audit(Services& services, const Actor& actor, const std::string& action, const std::string& target,
           json::object details = {});
/// The newest entries first, below the id `before` (0: from the newest). Io threads.
Task<std::vector<store::AuditEntry>> list_audit(Services& services, std::int64_t before, std::int64_t limit);

}  // namespace qflow::services
