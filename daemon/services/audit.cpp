#include "daemon/services/audit.hpp"

#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::services {

void audit(Services& services, const Actor& actor, const std::string& action, const std::string& target,
           json::object details) {
  store::AuditEntry entry;
  entry.at = now_us();
  entry.actor = actor.name;
  entry.action = action;
  entry.target = target;
  entry.peer = actor.peer;
  entry.details = json::serialize(details);
  log::info("audit", action,
            {{"actor", entry.actor}, {"target", target}, {"peer", entry.peer}, {"event_type", action}});
  services.store.post([entry](sqlite::Tx& tx) { store::insert_audit(tx, entry); });
}

Task<std::vector<store::AuditEntry>> list_audit(Services& services, std::int64_t before, std::int64_t limit) {
  auto job = [before, limit](sqlite::Db& db) { return store::list_audit(db, before, limit); };
  return services.store.read(std::move(job));
}

}  // namespace qflow::services
