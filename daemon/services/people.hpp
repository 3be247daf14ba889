// Users, and who may change whom: everybody their own row, admins other users, the owner everybody; there is one owner,
// who stays. Changes are audited, but for a user's own settings. Io threads.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::services {

struct NewUser {
  std::string email, first_name, last_name, password;
  auth::Role role = auth::Role::user;
};

/// Absent members stay.
struct UserChange {
  std::optional<std::string> email, first_name, last_name, password;
  std::optional<auth::Role> role;
  std::optional<bool> active;
  std::string current_password;  ///< needed to change one's own address or password
};

/// Whether there are no users yet.
Task<bool> needs_first_owner(Services& services);
struct UserPage {
  std::vector<store::User> rows;
  std::int64_t count = 0;  ///< of all that match
};
Task<UserPage> list_users(Services& services, store::UserQuery query);
/// Throws Fault: forbidden for another user's row without the right to see it, not_found.
Task<store::User> find_user(Services& services, const auth::Caller& caller, std::string id);
/// While there are no users, whoever has the set-up token, which the server printed, creates the owner; later the owner
/// and admins create users. `read` gives the user that is wanted, and is called when the caller may create one: a
/// stranger learns nothing of what is wrong with a request. Throws Fault: unauthorized, also for a wrong token;
/// too_many after several; forbidden without the right; bad_input for a weak password; conflict for a taken address,
/// or when there is an owner by now.
Task<store::User> create_user(Services& services, const auth::Caller& caller, const Actor& actor,
                              std::string setup_token, std::function<NewUser()> read);
/// Throws Fault: as find_user(); forbidden for what the caller may not change, for a key that would change an address
/// or a password, and for a wrong current password; too_many after several.
Task<store::User> change_user(Services& services, const auth::Caller& caller, const Actor& actor, std::string id,
                              UserChange change);
/// Sets the members of `changes` in the user's settings, those that are null are taken out. Returns all settings.
Task<json::object> change_user_settings(Services& services, const auth::Caller& caller, std::string id,
                                        json::object changes);
/// What would pass to the owner if the user were deleted. Throws Fault like delete_user().
Task<store::Belongings> preview_deletion(Services& services, const auth::Caller& caller, std::string id);
/// Deletes the user; what they own passes to the owner, workflows deactivated.
Task<store::Belongings> delete_user(Services& services, const auth::Caller& caller, const Actor& actor, std::string id);

}  // namespace qflow::services
