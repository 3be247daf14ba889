// Making and revoking API keys (auth/api_key.hpp). Changes are audited. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/auth/api_key.hpp"
#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// The caller's keys; `all`: everybody's, for who may see them.
Task<std::vector<store::ApiKey>> list_api_keys(Services& services, const auth::Caller& caller, bool all);
/// A key of the caller's. `scopes`: none: everything; `days`: how long it lasts, nothing: until it is revoked. Throws
/// Fault: forbidden for a caller who has only a key, because keys make no keys; bad_input for a scope that there is
/// not.
Task<auth::NewKey> create_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string name,
                                  std::vector<std::string> scopes, std::optional<double> days);
/// Throws Fault(not_found) also when it is not the caller's.
Task<> revoke_api_key(Services& services, const auth::Caller& caller, const Actor& actor, std::string id);

}  // namespace qflow::services
