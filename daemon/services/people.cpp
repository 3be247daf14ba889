#include "daemon/services/people.hpp"

#include <fmt/format.h>

#include "daemon/auth/email.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/kept_values.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

using auth::Role;

constexpr std::size_t kMostSettings = 64U << 10U;  // bytes of one user's settings

Role role_of(const store::User& user) { return auth::role_of(user.role).value_or(Role::user); }

// Only the owner may change admins or the owner.
void check_rank(const auth::Caller& caller, Role subject) {
  if (caller.role != Role::owner && subject != Role::user)
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner may do this to admins or the owner");
}

Fault too_many(const char* what, std::chrono::seconds wait) {
  return {FaultKind::too_many,
          "too_many_attempts",
          fmt::format("too many wrong {}; the next attempt is possible in {} s", what, wait.count()),
          {{"retry_after", wait.count()}}};
}

Task<std::string> hash_of(Services& services, std::string password) {
  auth::check_password_rules(password);
  auto work = [password = std::move(password)] { return auth::hash_password(password); };
  return on_pool(services.slow, std::move(work));
}

void check_email(const std::string& email) {
  if (!auth::is_email_address(email))
    throw Fault(FaultKind::bad_input, "invalid_body", "/email: expected an e-mail address");
}

Task<store::User> insert(Services& services, const Actor& actor, NewUser wanted, bool as_owner) {
  check_email(wanted.email);
  store::User user;
  user.id = new_id();
  user.email = std::move(wanted.email);
  user.first_name = std::move(wanted.first_name);
  user.last_name = std::move(wanted.last_name);
  user.role = auth::word(as_owner ? Role::owner : wanted.role);
  user.password_hash = co_await hash_of(services, std::move(wanted.password));
  user.created_at = user.updated_at = now_us();
  auto job = [user, as_owner](sqlite::Tx& tx) {
    if (as_owner && store::count_users(*tx.operator->()) > 0)
      throw Fault(FaultKind::conflict, "owner_exists", "an owner was created in the meantime");
    store::insert_user(tx, user);
  };
  co_await services.store.write(std::move(job));
  audit(services, actor, "user.created", user.email, {{"role", user.role}});
  co_return user;
}

// The same brake as for signing in: an attempt counts as failed until it has succeeded.
Task<> check_current_password(Services& services, const store::User& user, std::string current) {
  const std::string who = "c" + user.id;
  if (const auto wait = services.logins.wait(who); wait.count() > 0) throw too_many("passwords", wait);
  services.logins.failed(who);
  auto work = [hash = user.password_hash, current = std::move(current)] {
    return auth::verify_password(hash, current);
  };
  const bool right = co_await on_pool(services.slow, std::move(work));
  if (!right) throw Fault(FaultKind::forbidden, "wrong_password", "/currentPassword: is not your current password");
  services.logins.succeeded(who);
}

// Checks the caller's rights once more, by the rows: they may have changed since the request was admitted.
void check_change(const store::User& user, const store::User& caller, Role role, bool active) {
  auth::Caller now;
  now.role = role_of(caller);
  const Role before = role_of(user);
  if (user.id != caller.id) {
    if (!now.sees_all())
      throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may change other users");
    check_rank(now, before);
  }
  if (role == before && active == user.is_active) return;
  if (!now.sees_all()) throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may change roles");
  if (before == Role::owner || role == Role::owner)
    throw Fault(FaultKind::conflict, "owner_stays",
                "there is exactly one owner, whose role and access cannot be changed");
  check_rank(now, role);
}

// Runs within the transaction that writes the user, so concurrent changes to different members all survive.
store::User changed_user(sqlite::Tx& tx, const std::string& id, const std::string& caller_id, const UserChange& change,
                         const std::string& password_hash) {
  sqlite::Db& db = *tx.operator->();
  auto user = store::find_user(db, id);
  const auto caller = store::find_user(db, caller_id);
  if (!user) throw missing("user", id);
  if (!caller || !caller->is_active) throw Fault(FaultKind::forbidden, "forbidden", "your own access has ended");
  const Role role = change.role.value_or(role_of(*user));
  const bool active = change.active.value_or(user->is_active);
  check_change(*user, *caller, role, active);
  user->email = change.email.value_or(user->email);
  user->first_name = change.first_name.value_or(user->first_name);
  user->last_name = change.last_name.value_or(user->last_name);
  if (!password_hash.empty()) user->password_hash = password_hash;
  user->role = auth::word(role);
  user->is_active = active;
  user->updated_at = now_us();
  store::update_user(tx, *user);
  return *user;
}

// While there are no users, whoever has the set-up token, which the server printed, may create the owner.
void check_setup_token(Services& services, const Actor& actor, const std::string& setup_token) {
  const std::string peer = "s" + actor.peer;
  if (const auto wait = services.logins.wait(peer); wait.count() > 0) throw too_many("set-up tokens", wait);
  if (setup_token.empty() || services.setup_token.empty() || !auth::equal_secrets(setup_token, services.setup_token)) {
    if (!setup_token.empty()) services.logins.failed(peer);
    throw Fault(
        FaultKind::unauthorized, "setup_required",
        "there are no users yet: send `setupToken`, which the server printed when it started, or make the owner "
        "with `qflow user add`");
  }
}

Task<store::User> find_deletable(Services& services, const auth::Caller& caller, std::string id) {
  store::User user = co_await find_user(services, caller, std::move(id));
  if (role_of(user) == Role::owner) throw Fault(FaultKind::conflict, "owner_stays", "the owner cannot be deleted");
  check_rank(caller, role_of(user));
  co_return user;
}

}  // namespace

Task<bool> needs_first_owner(Services& services) {
  auto count = [](sqlite::Db& db) { return store::count_users(db); };
  const auto users = co_await services.store.read(std::move(count));
  co_return users == 0;
}

Task<UserPage> list_users(Services& services, store::UserQuery query) {
  auto job = [query = std::move(query)](sqlite::Db& db) {
    UserPage page;
    page.rows = store::list_users(db, query, page.count);
    return page;
  };
  return services.store.read(std::move(job));
}

Task<store::User> find_user(Services& services, const auth::Caller& caller, std::string id) {
  if (!caller.sees_all() && id != caller.user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may see other users");
  auto job = [id](sqlite::Db& db) { return store::find_user(db, id); };
  auto user = co_await services.store.read(std::move(job));
  if (!user) throw missing("user", id);
  co_return std::move(*user);
}

Task<store::User> create_user(Services& services, const auth::Caller& caller, const Actor& actor,
                              std::string setup_token, std::function<NewUser()> read) {
  const bool first = co_await needs_first_owner(services);
  if (first) {
    check_setup_token(services, actor, setup_token);
  } else {
    if (!caller.signed_in())
      throw Fault(FaultKind::unauthorized, "unauthorized", "only a signed-in owner or admin may create users");
    if (!caller.sees_all() || !caller.reaches("users:write"))
      throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may create users");
  }
  NewUser user = read();
  if (!first) check_rank(caller, user.role);
  store::User made = co_await insert(services, actor, std::move(user), first);
  co_return made;
}

Task<store::User> change_user(Services& services, const auth::Caller& caller, const Actor& actor, std::string id,
                              UserChange change) {
  const store::User before = co_await find_user(services, caller, std::move(id));
  const bool own = before.id == caller.user_id;
  if (!own) check_rank(caller, role_of(before));
  if (change.email) check_email(*change.email);
  if (change.password) auth::check_password_rules(*change.password);
  if (change.password || (change.email && *change.email != before.email)) {
    if (caller.proof == auth::Caller::Proof::key)
      throw Fault(FaultKind::forbidden, "needs_session",
                  "an API key cannot change an address or a password; sign in with a password");
    if (own) co_await check_current_password(services, before, change.current_password);
  }
  std::string hash;
  if (change.password) hash = co_await hash_of(services, *change.password);
  auto job = [id = before.id, change, hash, caller_id = caller.user_id,
              kept_session = own ? caller.proof_id : std::string()](sqlite::Tx& tx) {
    store::User user = changed_user(tx, id, caller_id, change, hash);
    // Anybody who took the old password is signed out.
    if (!hash.empty() || !user.is_active) store::delete_sessions_of(tx, id, kept_session);
    return user;
  };
  const store::User user = co_await services.store.write(std::move(job));
  if (!user.is_active) co_await forget_kept(services);
  audit(services, actor, "user.changed", user.email,
        {{"role", user.role}, {"active", user.is_active}, {"password", !hash.empty()}});
  co_return user;
}

Task<json::object> change_user_settings(Services& services, const auth::Caller& caller, std::string id,
                                        json::object changes) {
  const store::User user = co_await find_user(services, caller, std::move(id));
  if (user.id != caller.user_id) check_rank(caller, role_of(user));
  auto job = [id = user.id, changes = std::move(changes)](sqlite::Tx& tx) {
    auto row = store::find_user(*tx.operator->(), id);
    if (!row) throw missing("user", id);
    json::object settings = stored_json(row->settings).as_object();
    for (const auto& [key, value] : changes)
      if (value.is_null()) settings.erase(key);
      else settings[key] = value;
    row->settings = json::serialize(settings);
    if (row->settings.size() > kMostSettings)
      throw Fault(FaultKind::too_large, "settings_too_large", "a user's settings may take at most 64 KiB");
    row->updated_at = now_us();
    store::update_user(tx, *row);
    return settings;
  };
  co_return co_await services.store.write(std::move(job));
}

Task<store::Belongings> preview_deletion(Services& services, const auth::Caller& caller, std::string id) {
  const store::User user = co_await find_deletable(services, caller, std::move(id));
  auto look = [id = user.id](sqlite::Db& db) { return store::belongings_of(db, id); };
  co_return co_await services.store.read(std::move(look));
}

Task<store::Belongings> delete_user(Services& services, const auth::Caller& caller, const Actor& actor,
                                    std::string id) {
  const store::User user = co_await find_deletable(services, caller, std::move(id));
  auto job = [id = user.id](sqlite::Tx& tx) {
    const auto owner = store::find_owner(*tx.operator->());
    const store::Belongings what = store::belongings_of(*tx.operator->(), id);
    store::delete_user(tx, id, owner ? owner->id : "");
    return what;
  };
  const store::Belongings what = co_await services.store.write_always(std::move(job));
  co_await forget_kept(services);
  audit(services, actor, "user.deleted", user.email,
        {{"workflows", what.workflows}, {"deactivated", what.active_workflows}, {"credentials", what.credentials}});
  co_return what;
}

}  // namespace qflow::services
