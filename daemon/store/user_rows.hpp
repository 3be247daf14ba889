// Users, their sessions and API keys. Tokens and keys are stored as hashes only. Functions that write take the
// transaction.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// Times in microseconds. `settings` is JSON text.
struct User {
  std::string id, email, first_name, last_name, password_hash, role;
  bool is_active = true;
  std::string settings = "{}";
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(User, (),
                      (id, email, first_name, last_name, password_hash, role, is_active, settings, created_at,
                       updated_at))

struct Session {
  std::string id, user_id, session_token;
  std::int64_t expires_at = 0, created_at = 0;
};
BOOST_DESCRIBE_STRUCT(Session, (), (id, user_id, session_token, expires_at, created_at))

/// `scopes` is a JSON list of strings.
struct ApiKey {
  std::string id, user_id, name, key_hash, prefix, scopes;
  std::optional<std::int64_t> expires_at, last_used_at;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(ApiKey, (), (id, user_id, name, key_hash, prefix, scopes, expires_at, last_used_at, created_at))

/// Also makes the user's personal project. Throws Fault(conflict) for a taken address or a second owner.
void insert_user(sqlite::Tx& tx, const User& user);
void update_user(sqlite::Tx& tx, const User& user);
/// How many rows a user owns that would pass on with delete_user().
struct Belongings {
  std::int64_t workflows = 0, active_workflows = 0, nodes = 0, credentials = 0, webhooks = 0, environments = 0,
               files = 0;
};
BOOST_DESCRIBE_STRUCT(Belongings, (), (workflows, active_workflows, nodes, credentials, webhooks, environments, files))
Belongings belongings_of(sqlite::Db& db, const std::string& id);
/// Also deletes sessions, keys and project. Workflows (deactivated, so that nothing goes on with the heir's rights),
/// nodes, credentials, webhooks, environments and files pass to `heir`.
bool delete_user(sqlite::Tx& tx, const std::string& id, const std::string& heir);
std::optional<User> find_user(sqlite::Db& db, const std::string& id);
std::optional<User> find_user_by_email(sqlite::Db& db, const std::string& email);
std::optional<User> find_owner(sqlite::Db& db);
std::int64_t count_users(sqlite::Db& db);

/// A page of the list, oldest first. `text`: in the address or a name; empty: all.
struct UserQuery {
  std::int64_t skip = 0, take = 50;
  std::string text;
  std::optional<std::string> role;
  std::string sort;  ///< "email:asc", "email:desc", "createdAt:desc"; empty: by creation time
};
std::vector<User> list_users(sqlite::Db& db, const UserQuery& query, std::int64_t& count);

void insert_session(sqlite::Tx& tx, const Session& session);
std::optional<Session> find_session(sqlite::Db& db, const std::string& id);
std::optional<Session> find_session_by_token(sqlite::Db& db, const std::string& token_hash);
bool delete_session(sqlite::Tx& tx, const std::string& id);
/// Deletes all of a user's sessions except `keep`.
void delete_sessions_of(sqlite::Tx& tx, const std::string& user_id, const std::string& keep);

void insert_key(sqlite::Tx& tx, const ApiKey& key);
std::optional<ApiKey> find_key_by_hash(sqlite::Db& db, const std::string& key_hash);
/// The keys of one user, or all keys.
std::vector<ApiKey> list_keys(sqlite::Db& db, const std::optional<std::string>& user_id);
/// `user_id`: only if the key is theirs.
bool delete_key(sqlite::Tx& tx, const std::string& id, const std::optional<std::string>& user_id);
void touch_key(sqlite::Tx& tx, const std::string& id, std::int64_t now);

/// One line of the audit log. `details` is JSON text.
struct AuditEntry {
  std::int64_t id = 0, at = 0;
  std::string actor, action, target, peer, details = "{}";
};
BOOST_DESCRIBE_STRUCT(AuditEntry, (), (id, at, actor, action, target, peer, details))
void insert_audit(sqlite::Tx& tx, const AuditEntry& entry);
/// Newest first, below `before` (0: from the newest).
std::vector<AuditEntry> list_audit(sqlite::Db& db, std::int64_t before, std::int64_t limit);

}  // namespace qflow::store
