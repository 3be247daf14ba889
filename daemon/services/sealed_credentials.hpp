// Stored credentials: what they may hold, sealed with the installation's key. Changes are audited. Io threads.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {

struct CredentialProperty {
  std::string_view name, display_name;
  bool secret = false;
};
/// A kind of credential, and the members that its data may have; all are strings.
struct CredentialType {
  std::string_view name, display_name;
  std::vector<CredentialProperty> properties;
};
const std::vector<CredentialType>& credential_types();
/// Null for an unknown name.
const CredentialType* find_credential_type(std::string_view name);

/// Absent members stay.
struct CredentialChange {
  std::optional<std::string> name, type;
  std::optional<json::object> data;
};

/// The caller's, without their data.
Task<std::vector<store::Credential>> list_credentials(Services& services, const auth::Caller& caller);
/// Throws Fault(not_found) also when it is not the caller's.
Task<store::Credential> find_credential(Services& services, const auth::Caller& caller, std::string id);
/// `wanted` has name, type and data. Throws Fault(bad_input) for an unknown type, or data that it does not have.
Task<store::Credential> create_credential(Services& services, const auth::Caller& caller, const Actor& actor,
                                          CredentialChange wanted);
/// As create_credential(). Throws Fault also: not_found; bad_input when the type changes and the data does not.
Task<store::Credential> change_credential(Services& services, const auth::Caller& caller, const Actor& actor,
                                          std::string id, CredentialChange change);
Task<> delete_credential(Services& services, const auth::Caller& caller, const Actor& actor, std::string id);

}  // namespace qflow::services
