#include "daemon/services/api_keys.hpp"

#include <fmt/format.h>

#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {

Task<std::vector<store::ApiKey>> list_api_keys(Services& services, const auth::Caller& caller, bool all) {
  auto owner = all ? caller.owner_filter() : std::optional(caller.user_id);
  auto job = [owner = std::move(owner)](sqlite::Db& db) { return store::list_keys(db, owner); };
  return services.store.read(std::move(job));
}

Task<auth::NewKey> create_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string name,
                                  std::vector<std::string> scopes, std::optional<double> days) {
  if (caller.proof == auth::Caller::Proof::key)
    throw Fault(FaultKind::forbidden, "needs_session", "an API key cannot create keys; sign in with a password");
  for (std::size_t i = 0; i < scopes.size(); ++i)
    if (const std::string problem = auth::scope_problem(scopes[i]); !problem.empty())
      throw Fault(FaultKind::bad_input, "invalid_body", fmt::format("/scopes/{}: {}", i, problem));
  auth::NewKey made = auth::make_key(caller.user_id, std::move(name), std::move(scopes), days);
  auto job = [key = made.key](sqlite::Tx& tx) { store::insert_key(tx, key); };
  co_await services.store.write(std::move(job));
  audit(services, actor, "api_key.created", made.key.name,
        {{"id", made.key.id}, {"scopes", stored_json(made.key.scopes)}});
  co_return made;
}

Task<> revoke_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Tx& tx) { return store::delete_key(tx, id, owner); };
  if (!co_await services.store.write(std::move(job))) throw missing("API key", id);
  audit(services, actor, "api_key.revoked", id);
}

}  // namespace qflow::services
