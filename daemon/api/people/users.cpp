#include "daemon/api/people/users.hpp"

#include <fmt/format.h>

#include <set>

#include "daemon/api/people/user_view.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace {

using auth::Role;

void check_email(Body& body, const std::string& email) {
  const auto at = email.find('@');
  if (!email.empty() && (at == 0 || at == std::string::npos || at + 1 == email.size() ||
                         email.find_first_of(" \t\r\n<>\",;") != std::string::npos))
    body.problem("/email", "expected an e-mail address");
}

// Only the owner may change admins or the owner.
void check_rank(const auth::Caller& caller, Role subject) {
  if (caller.role != Role::owner && subject != Role::user)
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner may do this to admins or the owner");
}

Task<store::User> load(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  if (!request.caller->sees_all() && id != request.caller->user_id)
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may see other users");
  auto job = [id](sqlite::Db& db) { return store::find_user(db, id); };
  const auto user = co_await services.store.read(std::move(job));
  if (!user) throw missing("user", id);
  co_return *user;
}

Role wanted_role(Body& body, Role fallback) {
  const auto text = body.text("role");
  if (!text) return fallback;
  const auto role = auth::role_of(*text);
  if (!role) body.problem("/role", "expected owner, admin or user");
  return role.value_or(fallback);
}

// With no users at all, whoever holds the token from the log becomes the owner.
void check_setup(Services& services, const Request& request, Body& body) {
  const std::string given = body.text("setupToken").value_or(std::string(request.header("x-setup-token")));
  const std::string peer = "s" + request.peer;
  if (const auto wait = services.logins.wait(peer); wait.count() > 0)
    throw Fault(FaultKind::too_many, "too_many_attempts",
                fmt::format("too many wrong set-up tokens; the next attempt is possible in {} s", wait.count()));
  if (given.empty() || services.setup_token.empty() || !auth::equal_secrets(given, services.setup_token)) {
    if (!given.empty()) services.logins.failed(peer);
    throw Fault(
        FaultKind::unauthorized, "setup_required",
        "there are no users yet: send `setupToken`, which the server printed when it started, or make the owner "
        "with `qflow user add`");
  }
}

}  // namespace

Task<Reply> list_users(Services& services, const Request& request) {
  store::UserQuery query;
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  query.take = request.integer("take", request.integer("limit", 50, 1, 250), -1, 250);
  if (query.take < 0) query.take = 250;
  const json::object filter = request.object("filter");
  for (const char* name : {"fullText", "email", "role"}) {
    const json::value* value = filter.if_contains(name);
    if (value == nullptr || value->is_null()) continue;
    if (!value->is_string())
      throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("filter.{}: expected a string", name));
    const std::string text(std::string_view(value->get_string()));
    if (name != std::string_view("role")) {
      query.text = text;
      continue;
    }
    const auto known = auth::role_of(text);
    if (!known) throw Fault(FaultKind::bad_input, "invalid_query", "filter.role: expected owner, admin or user");
    query.role = std::string(auth::word(*known));
  }
  query.sort = request.text("sortBy").value_or("");
  static const std::set<std::string> kSorts{"", "email:asc", "email:desc", "createdAt:asc", "createdAt:desc"};
  if (kSorts.count(query.sort) == 0)
    throw Fault(FaultKind::bad_input, "invalid_query", "sortBy: expected email or createdAt, with :asc or :desc");
  auto job = [query](sqlite::Db& db) {
    std::int64_t count = 0;
    auto rows = store::list_users(db, query, count);
    return std::make_pair(std::move(rows), count);
  };
  const auto page = co_await services.store.read(std::move(job));
  json::array items;
  for (const auto& user : page.first) items.push_back(user_view(user));
  co_return Reply::of(json::object{{"count", page.second}, {"items", std::move(items)}});
}

Task<Reply> create_user(Services& services, const Request& request) {
  Body body(request.json_object());
  auto count = [](sqlite::Db& db) { return store::count_users(db); };
  const bool first = co_await services.store.read(std::move(count)) == 0;
  if (first) {
    check_setup(services, request, body);
  } else if (!request.caller->signed_in()) {
    throw Fault(FaultKind::unauthorized, "unauthorized", "only a signed-in owner or admin may create users");
  } else if (!request.caller->sees_all() || !request.caller->reaches("users:write")) {
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may create users");
  }
  store::User user;
  user.id = new_id();
  user.email = body.required("email", 320);
  check_email(body, user.email);
  user.first_name = body.text("firstName", 200).value_or("");
  user.last_name = body.text("lastName", 200).value_or("");
  const std::string password = body.required("password", 1024);
  const Role role = first ? Role::owner : wanted_role(body, Role::user);
  body.check();
  if (!first) check_rank(*request.caller, role);
  auth::check_password_rules(password);
  user.role = auth::word(role);
  user.created_at = user.updated_at = now_us();
  auto hash = [password] { return auth::hash_password(password); };
  user.password_hash = co_await on_pool(services.slow, std::move(hash));
  auto job = [user, first](sqlite::Tx& tx) {
    if (first && store::count_users(*tx.operator->()) > 0)
      throw Fault(FaultKind::conflict, "owner_exists", "somebody else was quicker: there is an owner now");
    store::insert_user(tx, user);
  };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "user.created", user.email, {{"role", user.role}});
  co_return Reply::of(201, user_view(user));
}

Task<Reply> get_user(Services& services, const Request& request) {
  const store::User user = co_await load(services, request);
  co_return Reply::of(user_view(user));
}

namespace {

struct UserChange {
  std::optional<std::string> email, first_name, last_name, password_hash;
  std::optional<Role> role;
  std::optional<bool> active;
};

// Runs within the transaction that writes the user, so concurrent changes to different members all survive. The
// caller's rights are also looked up again there.
store::User changed_user(sqlite::Tx& tx, const std::string& id, const std::string& caller_id,
                         const UserChange& change) {
  sqlite::Db& db = *tx.operator->();
  auto user = store::find_user(db, id);
  const auto caller = store::find_user(db, caller_id);
  if (!user) throw missing("user", id);
  if (!caller || !caller->is_active) throw Fault(FaultKind::forbidden, "forbidden", "your own access has ended");
  auth::Caller now;
  now.role = auth::role_of(caller->role).value_or(Role::user);
  const Role before = auth::role_of(user->role).value_or(Role::user);
  const Role role = change.role.value_or(before);
  const bool active = change.active.value_or(user->is_active);
  if (id != caller_id) {
    if (!now.sees_all())
      throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may change other users");
    check_rank(now, before);
  }
  if (role != before || active != user->is_active) {
    if (!now.sees_all()) throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may change roles");
    if (before == Role::owner || role == Role::owner)
      throw Fault(FaultKind::conflict, "owner_stays",
                  "there is exactly one owner, whose role and access cannot be changed");
    check_rank(now, role);
  }
  user->email = change.email.value_or(user->email);
  user->first_name = change.first_name.value_or(user->first_name);
  user->last_name = change.last_name.value_or(user->last_name);
  user->password_hash = change.password_hash.value_or(user->password_hash);
  user->role = auth::word(role);
  user->is_active = active;
  user->updated_at = now_us();
  store::update_user(tx, *user);
  return *user;
}

}  // namespace

namespace {

// The same brake as for signing in: an attempt counts as failed until it has succeeded.
Task<> check_current_password(Services& services, const store::User& user, std::string current) {
  const std::string who = "c" + user.id;
  const auto wait = services.logins.wait(who);
  if (wait.count() > 0)
    throw Fault(FaultKind::too_many, "too_many_attempts",
                fmt::format("too many wrong passwords; the next attempt is possible in {} s", wait.count()),
                {{"retry_after", wait.count()}});
  services.logins.failed(who);
  auto work = [hash = user.password_hash, current = std::move(current)] {
    return auth::verify_password(hash, current);
  };
  const bool right = co_await on_pool(services.slow, std::move(work));
  if (!right) throw Fault(FaultKind::forbidden, "wrong_password", "/currentPassword: is not your current password");
  services.logins.succeeded(who);
}

}  // namespace

Task<Reply> update_user(Services& services, const Request& request) {
  const store::User before = co_await load(services, request);
  const bool own = before.id == request.caller->user_id;
  if (!own) check_rank(*request.caller, auth::role_of(before.role).value_or(Role::user));
  Body body(request.json_object());
  UserChange change;
  if (body.has("email")) {
    change.email = body.required("email", 320);
    check_email(body, *change.email);
  }
  change.first_name = body.line("firstName", 200);
  change.last_name = body.line("lastName", 200);
  if (body.text("role")) change.role = wanted_role(body, Role::user);
  change.active = body.flag("isActive");
  const auto password = body.text("password", 1024);
  const std::string current = body.text("currentPassword", 1024).value_or("");
  body.check();
  if (password) auth::check_password_rules(*password);
  const bool access = password || (change.email && *change.email != before.email);
  if (access) {
    if (request.caller->proof == auth::Caller::Proof::key)
      throw Fault(FaultKind::forbidden, "needs_session",
                  "an API key cannot change an address or a password; sign in with a password");
    if (own) co_await check_current_password(services, before, current);
  }
  if (password) {
    auto work = [next = *password] { return auth::hash_password(next); };
    change.password_hash = co_await on_pool(services.slow, std::move(work));
  }
  auto job = [id = before.id, change, caller = request.caller, own](sqlite::Tx& tx) {
    const store::User user = changed_user(tx, id, caller->user_id, change);
    // Anybody who took the old password is signed out.
    if (change.password_hash || !user.is_active) store::delete_sessions_of(tx, id, own ? caller->proof_id : "");
    return user;
  };
  const store::User user = co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "user.changed", user.email,
        {{"role", user.role}, {"active", user.is_active}, {"password", password.has_value()}});
  co_return Reply::of(user_view(user));
}

namespace {

// What passes to the owner with a user who is deleted; workflows are deactivated.
json::object belongings_view(const store::Belongings& b) {
  return {{"workflows", b.workflows}, {"deactivated_workflows", b.active_workflows},
          {"nodes", b.nodes},         {"credentials", b.credentials},
          {"webhooks", b.webhooks},   {"containers", b.environments},
          {"files", b.files}};
}

}  // namespace

Task<Reply> delete_user(Services& services, const Request& request) {
  const store::User user = co_await load(services, request);
  if (user.role == "owner") throw Fault(FaultKind::conflict, "owner_stays", "the owner cannot be deleted");
  check_rank(*request.caller, auth::role_of(user.role).value_or(Role::user));
  const bool preview = request.flag("preview").value_or(false);
  auto look = [id = user.id](sqlite::Db& db) { return store::belongings_of(db, id); };
  json::object reply{{"success", true}, {"preview", preview}};
  if (preview) {
    reply["passes_on"] = belongings_view(co_await services.store.read(std::move(look)));
    co_return Reply::of(reply);
  }
  auto job = [id = user.id](sqlite::Tx& tx) {
    const auto owner = store::find_owner(*tx.operator->());
    const store::Belongings what = store::belongings_of(*tx.operator->(), id);
    store::delete_user(tx, id, owner ? owner->id : "");
    return what;
  };
  reply["passes_on"] = belongings_view(co_await services.store.write_always(std::move(job)));
  audit(services, actor_of(request), "user.deleted", user.email, reply);
  co_return Reply::of(reply);
}

Task<Reply> get_user_settings(Services& services, const Request& request) {
  const store::User user = co_await load(services, request);
  std::string error;
  co_return Reply::of(schema::parse_json(user.settings, error));
}

Task<Reply> update_user_settings(Services& services, const Request& request) {
  const store::User user = co_await load(services, request);
  if (user.id != request.caller->user_id) check_rank(*request.caller, auth::role_of(user.role).value_or(Role::user));
  const json::object changes = request.json_object();
  auto job = [id = user.id, changes](sqlite::Tx& tx) {
    auto row = store::find_user(*tx.operator->(), id);
    if (!row) throw missing("user", id);
    std::string error;
    json::value settings = schema::parse_json(row->settings, error);
    for (const auto& [key, value] : changes)
      if (value.is_null()) settings.as_object().erase(key);
      else settings.as_object()[key] = value;
    row->settings = json::serialize(settings);
    if (row->settings.size() > 64U << 10U)
      throw Fault(FaultKind::too_large, "settings_too_large", "a user's settings may take at most 64 KiB");
    row->updated_at = now_us();
    store::update_user(tx, *row);
    return settings;
  };
  const json::value settings = co_await services.store.write(std::move(job));
  co_return Reply::of(settings);
}

}  // namespace qflow::api
