#include "daemon/services/api_keys.hpp"

#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {

Task<NewKey> create_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string name,
                            std::vector<std::string> scopes, std::optional<double> days) {
  if (caller.proof == auth::Caller::Proof::key)
    throw Fault(FaultKind::forbidden, "needs_session", "an API key cannot create keys; sign in with a password");
  NewKey made;
  made.text = auth::Authenticator::make_key_text();
  store::ApiKey& key = made.key;
  key.id = new_id();
  key.user_id = caller.user_id;
  key.name = std::move(name);
  key.scopes = json::serialize(json::value_from(scopes));
  key.created_at = now_us();
  if (days) key.expires_at = key.created_at + static_cast<std::int64_t>(*days * 86'400'000'000.0);
  key.key_hash = auth::token_hash(made.text);
  key.prefix = made.text.substr(0, 9);
  auto job = [key](sqlite::Tx& tx) { store::insert_key(tx, key); };
  co_await services.store.write(std::move(job));
  audit(services, actor, "api_key.created", key.name, {{"id", key.id}, {"scopes", json::value_from(scopes)}});
  co_return made;
}

Task<> revoke_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Tx& tx) { return store::delete_key(tx, id, owner); };
  if (!co_await services.store.write(std::move(job))) throw missing("API key", id);
  audit(services, actor, "api_key.revoked", id);
}

}  // namespace qflow::services
