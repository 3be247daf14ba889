// Types that users define: what a definition must be, whose they are. A change is one transaction. Io threads.
#pragma once
#include <optional>
#include <string>

#include "daemon/base/members.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/library_rows.hpp"

namespace qflow::services {

/// What a client sends to be saved; absent members stay, or get their defaults in a new type.
struct TypeDraft {
  std::optional<std::string> name, category, python_type, description;
  std::optional<std::string> extends;  ///< goes into the definition
  std::optional<json::object> definition;
};

/// Adds what is wrong with the name and the JSON Schema of a draft; a definition has 256 KiB at most.
void check_type_draft(const TypeDraft& draft, InputProblems& problems);

/// By id or name; not a built-in one. Throws Fault(not_found).
Task<store::CustomTypeRow> find_custom_type(Services& services, std::string id);
Task<std::vector<store::CustomTypeRow>> custom_types(Services& services);
/// The draft has been checked and has a name. Throws Fault: bad_input when the type that it extends is not there or
/// leads back to it; conflict when the name is taken.
Task<store::CustomTypeRow> create_custom_type(Services& services, const auth::Caller& caller, TypeDraft draft);
/// As create_custom_type(). Throws also Fault: not_found; forbidden for a built-in type or somebody else's.
Task<store::CustomTypeRow> change_custom_type(Services& services, const auth::Caller& caller, std::string id,
                                              TypeDraft draft);
/// Throws Fault: not_found, forbidden.
Task<> delete_custom_type(Services& services, const auth::Caller& caller, std::string id);

}  // namespace qflow::services
