// `qflow user` and `qflow token`: manage users and keys on the machine itself, also while a server runs.
#include "daemon/cli/accounts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <map>

#include "daemon/auth/api_key.hpp"
#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/email.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/cli/password.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/store/migrations.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::cli {
namespace {

namespace json = boost::json;

// Runs one transaction on the database, also while a server runs; the server's caches notice within two seconds.
template <class F>
auto change(const config::Config& config, F work) {
  if (std::filesystem::create_directories(config.data_dir))  // one that was there keeps what its owner chose
    std::filesystem::permissions(config.data_dir, std::filesystem::perms::owner_all);
  sqlite::Db db(config.data_dir + "/qflow.db", false);
  store::migrate(db);
  db.script("BEGIN IMMEDIATE");
  sqlite::Tx tx(db);
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, sqlite::Tx&>>) {
      work(tx);
      db.script("COMMIT");
    } else {
      auto result = work(tx);
      db.script("COMMIT");
      return result;
    }
  } catch (...) {
    db.script("ROLLBACK");
    throw;
  }
}

void note(sqlite::Tx& tx, const std::string& action, const std::string& target) {
  store::insert_audit(tx, {0, now_us(), "command line", action, target, "", "{}"});
}

std::string password_of(const UserOptions& options) {
  std::string password;
  if (options.password_stdin) {
    password = read_line();
  } else {
    password = ask_password("Password: ");
    if (password != ask_password("Repeat password: "))
      throw Fault(FaultKind::bad_input, "passwords_differ", "the two passwords differ");
  }
  auth::check_password_rules(password, "password");
  return password;
}

store::User existing(sqlite::Db& db, const std::string& email) {
  const auto user = email.empty() ? store::find_owner(db) : store::find_user_by_email(db, email);
  if (!user)
    throw Fault(FaultKind::bad_input, "not_found",
                email.empty() ? "there are no users yet; create the owner with `qflow user add`"
                              : fmt::format("no user has the address {}; `qflow user list` shows all", email));
  return *user;
}

std::string when(const std::optional<std::int64_t>& us) { return us ? iso_time(*us) : "never"; }

}  // namespace

int user_add(const config::Config& config, const UserOptions& options) {
  if (!auth::is_email_address(options.email))
    throw Fault(FaultKind::bad_input, "invalid_email", fmt::format("\"{}\" is not an e-mail address", options.email));
  const std::optional<auth::Role> asked = auth::role_of(options.role);
  if (!options.role.empty() && !asked)
    throw Fault(FaultKind::bad_input, "invalid_role",
                fmt::format("--role {}: expected owner, admin or user", options.role));
  store::User user;
  user.id = new_id();
  user.email = options.email;
  user.first_name = options.first_name;
  user.last_name = options.last_name;
  user.password_hash = auth::hash_password(password_of(options));
  user.created_at = user.updated_at = now_us();
  const std::string role = change(config, [&](sqlite::Tx& tx) {
    const bool first = store::count_users(*tx.operator->()) == 0;
    if (first && asked && *asked != auth::Role::owner)
      throw Fault(FaultKind::bad_input, "owner_first", "the first user is the owner; omit --role");
    auth::Role role_given = asked ? *asked : auth::Role::user;
    if (first) role_given = auth::Role::owner;
    user.role = auth::word(role_given);
    store::insert_user(tx, user);
    note(tx, "user.created", user.email);
    return user.role;
  });
  fmt::print("{} {} was added.\n", role == "owner" ? "The owner" : role == "admin" ? "Admin" : "User", user.email);
  return kOk;
}

int user_list(const config::Config& config, bool as_json) {
  const auto users = change(config, [](sqlite::Tx& tx) {
    std::int64_t count = 0;
    store::UserQuery query;
    query.take = 1'000'000;
    return store::list_users(*tx.operator->(), query, count);
  });
  if (as_json) {
    json::array out;
    for (const auto& u : users)
      out.push_back(json::object{{"id", u.id}, {"email", u.email}, {"role", u.role}, {"isActive", u.is_active}});
    fmt::print("{}\n", json::serialize(out));
    return kOk;
  }
  fmt::print("{:<40} {:<6} {:<8} {}\n", "E-MAIL", "ROLE", "ACTIVE", "SINCE");
  for (const auto& u : users)
    fmt::print("{:<40} {:<6} {:<8} {}\n", printable(u.email), u.role, u.is_active ? "yes" : "no",
               iso_time(u.created_at));
  return kOk;
}

int user_passwd(const config::Config& config, const UserOptions& options) {
  change(config, [&](sqlite::Tx& tx) { existing(*tx.operator->(), options.email); });  // before asking for a password
  const std::string hash = auth::hash_password(password_of(options));
  change(config, [&](sqlite::Tx& tx) {
    store::User user = existing(*tx.operator->(), options.email);
    user.password_hash = hash;
    user.updated_at = now_us();
    store::update_user(tx, user);
    store::delete_sessions_of(tx, user.id, "");
    note(tx, "user.changed", user.email);
  });
  fmt::print("The password of {} was changed; all sessions have ended.\n", options.email);
  return kOk;
}

namespace {

store::User changeable(sqlite::Db& db, const std::string& email) {
  store::User user = existing(db, email);
  if (user.role == auth::word(auth::Role::owner))
    throw Fault(FaultKind::bad_input, "owner_stays", "there is exactly one owner, who stays");
  return user;
}

}  // namespace

int user_role(const config::Config& config, const UserOptions& options) {
  const auto role = auth::role_of(options.role);
  if (!role || *role == auth::Role::owner)
    throw Fault(FaultKind::bad_input, "invalid_role", fmt::format("{}: expected admin or user", options.role));
  change(config, [&](sqlite::Tx& tx) {
    store::User user = changeable(*tx.operator->(), options.email);
    user.role = auth::word(*role);
    user.updated_at = now_us();
    store::update_user(tx, user);
    note(tx, "user.changed", user.email);
  });
  fmt::print("{} is {} now.\n", printable(options.email), *role == auth::Role::admin ? "an admin" : "a user");
  return kOk;
}

int user_delete(const config::Config& config, const UserOptions& options) {
  const store::Belongings what = change(config, [&](sqlite::Tx& tx) {
    sqlite::Db& db = *tx.operator->();
    const store::User user = changeable(db, options.email);
    const store::Belongings passed = store::belongings_of(db, user.id);
    store::delete_user(tx, user.id, store::find_owner(db)->id);
    note(tx, "user.deleted", user.email);
    return passed;
  });
  fmt::print("{} was deleted; {} workflows and {} credentials passed to the owner.\n", printable(options.email),
             what.workflows, what.credentials);
  return kOk;
}

int token_create(const config::Config& config, const TokenOptions& options) {
  for (const std::string& scope : options.scopes)
    if (const std::string problem = auth::scope_problem(scope); !problem.empty())
      throw Fault(FaultKind::bad_input, "invalid_scope", "--scope: " + problem);
  const auto days = options.days > 0 ? std::optional<double>(options.days) : std::nullopt;
  auth::NewKey made = auth::make_key("", options.name, options.scopes, days);
  change(config, [&](sqlite::Tx& tx) {
    made.key.user_id = existing(*tx.operator->(), options.user).id;
    store::insert_key(tx, made.key);
    note(tx, "api_key.created", made.key.name);
  });
  fmt::print("{}\n", made.text);
  fmt::print(stderr, "The key is shown only once. `qflow token revoke {}` revokes it.\n", made.key.id);
  return kOk;
}

namespace {

// "workflows:read executions:*"
std::string scopes_text(const store::ApiKey& key) {
  std::string text;
  for (const char c : key.scopes)
    if (c == ',') text += ' ';
    else if (c != '[' && c != ']' && c != '"' && c != ' ') text += c;
  return text.empty() ? "*" : text;
}

// A name that was stored before line feeds were refused must not look like another row.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text);
}

}  // namespace

int token_list(const config::Config& config, bool as_json) {
  std::map<std::string, std::string> owners;
  const auto keys = change(config, [&](sqlite::Tx& tx) {
    auto all = store::list_keys(*tx.operator->(), std::nullopt);
    for (const auto& k : all)
      if (owners.count(k.user_id) == 0) {
        const auto user = store::find_user(*tx.operator->(), k.user_id);
        owners[k.user_id] = user ? user->email : "";
      }
    return all;
  });
  if (as_json) {
    json::array out;
    for (const auto& k : keys)
      out.push_back(json::object{{"id", k.id},
                                 {"name", k.name},
                                 {"prefix", k.prefix},
                                 {"userId", k.user_id},
                                 {"user", owners[k.user_id]},
                                 {"scopes", scopes_text(k)}});
    fmt::print("{}\n", json::serialize(out));
    return kOk;
  }
  fmt::print("{:<36} {:<9} {:<24} {:<24} {:<28} {:<20} {}\n", "ID", "KEY", "LAST USED", "EXPIRES", "USER", "SCOPES",
             "NAME");
  for (const auto& k : keys)
    fmt::print("{:<36} {:<9} {:<24} {:<24} {:<28} {:<20} {}\n", k.id, k.prefix, when(k.last_used_at),
               when(k.expires_at), printable(owners[k.user_id]), scopes_text(k), one_line(k.name));
  return kOk;
}

int token_revoke(const config::Config& config, const TokenOptions& options) {
  change(config, [&](sqlite::Tx& tx) {
    if (!store::delete_key(tx, options.id, std::nullopt))
      throw Fault(FaultKind::bad_input, "not_found",
                  fmt::format("no token has the id {}; `qflow token list` shows all", options.id));
    note(tx, "api_key.revoked", options.id);
  });
  fmt::print("Token {} was revoked; a running server refuses it within two seconds.\n", options.id);
  return kOk;
}

}  // namespace qflow::cli
