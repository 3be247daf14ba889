#include "daemon/store/user_rows.hpp"

#include "daemon/base/fault.hpp"
#include "daemon/base/ids.hpp"

namespace qflow::store {

#define USER "id, email, first_name, last_name, password_hash, role, is_active, settings, created_at, updated_at"
#define SESSION "id, user_id, session_token, expires_at, created_at"
#define KEY "id, user_id, name, key_hash, prefix, scopes, expires_at, last_used_at, created_at"

namespace {
void refuse_taken(sqlite::Tx& tx, const User& u) {
  const auto same = tx->one<std::string>("SELECT id FROM users WHERE email=?", u.email);
  if (same && *same != u.id)
    throw Fault(FaultKind::conflict, "email_taken", "/email: a user with this address already exists");
  const auto owner = tx->one<std::string>("SELECT id FROM users WHERE role='owner'");
  if (u.role == "owner" && owner && *owner != u.id)
    throw Fault(FaultKind::conflict, "owner_exists", "there is already an owner, and there can be only one");
}
}  // namespace

void insert_user(sqlite::Tx& tx, const User& u) {
  refuse_taken(tx, u);
  tx->exec("INSERT INTO users (" USER ") VALUES (?,?,?,?,?,?,?,?,?,?)", u.id, u.email, u.first_name, u.last_name,
           u.password_hash, u.role, u.is_active, u.settings, u.created_at, u.updated_at);
  tx->exec("INSERT INTO projects (id, name, type, user_id, created_at) VALUES (?,?,'personal',?,?)", new_id(), u.email,
           u.id, u.created_at);
}

void update_user(sqlite::Tx& tx, const User& u) {
  refuse_taken(tx, u);
  tx->exec(
      "UPDATE users SET email=?2, first_name=?3, last_name=?4, password_hash=?5, role=?6, is_active=?7, settings=?8, "
      "updated_at=?9 WHERE id=?1",
      u.id, u.email, u.first_name, u.last_name, u.password_hash, u.role, u.is_active, u.settings, u.updated_at);
}

Belongings belongings_of(sqlite::Db& db, const std::string& id) {
  return db
      .one<Belongings>(
          "SELECT (SELECT count(*) FROM workflows WHERE created_by=?1), "
          "(SELECT count(*) FROM workflows WHERE created_by=?1 AND is_active=1), "
          "(SELECT count(*) FROM python_nodes WHERE created_by=?1), "
          "(SELECT count(*) FROM credentials WHERE created_by=?1), (SELECT count(*) FROM webhooks WHERE "
          "created_by=?1), "
          "(SELECT count(*) FROM containers WHERE created_by=?1), (SELECT count(*) FROM files WHERE created_by=?1)",
          id)
      .value_or(Belongings{});
}

bool delete_user(sqlite::Tx& tx, const std::string& id, const std::string& heir) {
  // Whatever the user had running on their own account ends with it: it would go on with the heir's rights.
  tx->exec("UPDATE workflows SET is_active=0 WHERE created_by=?1", id);
  // Folders are deleted with the user's project; their content moves to the heir's top level.
  tx->exec("UPDATE workflows SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("UPDATE python_nodes SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("UPDATE credentials SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("UPDATE webhooks SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("UPDATE containers SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("UPDATE files SET created_by=?2 WHERE created_by=?1", id, heir);
  tx->exec("DELETE FROM users WHERE id=?", id);
  return tx->changes() > 0;
}

std::optional<User> find_user(sqlite::Db& db, const std::string& id) {
  return db.one<User>("SELECT " USER " FROM users WHERE id=?", id);
}
std::optional<User> find_user_by_email(sqlite::Db& db, const std::string& email) {
  return db.one<User>("SELECT " USER " FROM users WHERE email=?", email);
}
std::optional<User> find_owner(sqlite::Db& db) { return db.one<User>("SELECT " USER " FROM users WHERE role='owner'"); }
std::int64_t count_users(sqlite::Db& db) { return db.one<std::int64_t>("SELECT count(*) FROM users").value_or(0); }

std::vector<User> list_users(sqlite::Db& db, const UserQuery& q, std::int64_t& count) {
#define MATCHING                                                                                                   \
  "FROM users WHERE (?1 = '' OR instr(lower(email || ' ' || first_name || ' ' || last_name), lower(?1)) > 0) AND " \
  "(?2 IS NULL OR role = ?2)"
  count = db.one<std::int64_t>("SELECT count(*) " MATCHING, q.text, q.role).value_or(0);
  return db.all<User>("SELECT " USER " " MATCHING
                      " ORDER BY CASE WHEN ?5='email:asc' THEN email END, CASE WHEN ?5='email:desc' THEN email END "
                      "DESC, CASE WHEN ?5='createdAt:desc' THEN id END DESC, id LIMIT ?3 OFFSET ?4",
                      q.text, q.role, q.take, q.skip, q.sort);
#undef MATCHING
}

void insert_session(sqlite::Tx& tx, const Session& s) {
  tx->exec("INSERT INTO user_sessions (" SESSION ") VALUES (?,?,?,?,?)", s.id, s.user_id, s.session_token, s.expires_at,
           s.created_at);
}
std::optional<Session> find_session(sqlite::Db& db, const std::string& id) {
  return db.one<Session>("SELECT " SESSION " FROM user_sessions WHERE id=?", id);
}
std::optional<Session> find_session_by_token(sqlite::Db& db, const std::string& token_hash) {
  return db.one<Session>("SELECT " SESSION " FROM user_sessions WHERE session_token=?", token_hash);
}
bool delete_session(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM user_sessions WHERE id=?", id);
  return tx->changes() > 0;
}
void delete_sessions_of(sqlite::Tx& tx, const std::string& user_id, const std::string& keep) {
  tx->exec("DELETE FROM user_sessions WHERE user_id=? AND id<>?", user_id, keep);
}

void insert_key(sqlite::Tx& tx, const ApiKey& k) {
  tx->exec("INSERT INTO api_keys (" KEY ") VALUES (?,?,?,?,?,?,?,?,?)", k.id, k.user_id, k.name, k.key_hash, k.prefix,
           k.scopes, k.expires_at, k.last_used_at, k.created_at);
}
std::optional<ApiKey> find_key_by_hash(sqlite::Db& db, const std::string& key_hash) {
  return db.one<ApiKey>("SELECT " KEY " FROM api_keys WHERE key_hash=?", key_hash);
}
std::vector<ApiKey> list_keys(sqlite::Db& db, const std::optional<std::string>& user_id) {
  return db.all<ApiKey>("SELECT " KEY " FROM api_keys WHERE ?1 IS NULL OR user_id=?1 ORDER BY id", user_id);
}
bool delete_key(sqlite::Tx& tx, const std::string& id, const std::optional<std::string>& user_id) {
  tx->exec("DELETE FROM api_keys WHERE id=?1 AND (?2 IS NULL OR user_id=?2)", id, user_id);
  return tx->changes() > 0;
}
void touch_key(sqlite::Tx& tx, const std::string& id, std::int64_t now) {
  tx->exec("UPDATE api_keys SET last_used_at=?2 WHERE id=?1", id, now);
}

void insert_audit(sqlite::Tx& tx, const AuditEntry& e) {
  tx->exec("INSERT INTO audit_log (at, actor, action, target, peer, details) VALUES (?,?,?,?,?,?)", e.at, e.actor,
           e.action, e.target, e.peer, e.details);
}
std::vector<AuditEntry> list_audit(sqlite::Db& db, std::int64_t before, std::int64_t limit) {
  return db.all<AuditEntry>(
      "SELECT id, at, actor, action, target, peer, details FROM audit_log WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC "
      "LIMIT ?2",
      before, limit);
}

}  // namespace qflow::store
