// API keys: the scopes they may have, making and revoking them. Changes are audited. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::services {

/// A key that has just been made; `text` is shown once.
struct NewKey {
  store::ApiKey key;
  std::string text;
};

/// A key of the caller's for `scopes`, which have been checked; `days`: how long it lasts, nothing: until it is
/// revoked. Throws Fault(forbidden) for a caller who has only a key: keys make no keys.
Task<NewKey> create_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string name,
                            std::vector<std::string> scopes, std::optional<double> days);
/// Throws Fault(not_found) also when it is not the caller's.
Task<> revoke_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string id);

}  // namespace qflow::services
