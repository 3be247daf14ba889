#include "daemon/store/asset_rows.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"

namespace qflow::store {

#define CREDENTIAL "id, name, type, data, folder_id, created_by, created_at, updated_at"
#define WEBHOOK "id, workflow_id, path, method, node, response, created_by, created_at"
#define CONTAINER                                                                                                   \
  "id, python_version, status, workflow_execution_id, error, resource_limits, created_by, created_at, started_at, " \
  "stopped_at"
#define FILE_COLUMNS                                                                                    \
  "id, filename, file_size_bytes, mime_type, hash_sha256, workflow_execution_id, node_id, created_at, " \
  "original_filename, is_temporary, expires_at, created_by, is_output"

void insert_credential(sqlite::Tx& tx, const Credential& c) {
  tx->exec("INSERT INTO credentials (" CREDENTIAL ") VALUES (?,?,?,?,?,?,?,?)", c.id, c.name, c.type, c.data,
           c.folder_id, c.created_by, c.created_at, c.updated_at);
}
void update_credential(sqlite::Tx& tx, const Credential& c) {
  tx->exec("UPDATE credentials SET name=?2, type=?3, data=?4, folder_id=?5, updated_at=?6 WHERE id=?1", c.id, c.name,
           c.type, c.data, c.folder_id, c.updated_at);
}
bool delete_credential(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM credentials WHERE id=?", id);
  return tx->changes() > 0;
}
std::optional<Credential> find_credential(sqlite::Db& db, const std::string& id, const Owner& owner) {
  return db.one<Credential>("SELECT " CREDENTIAL " FROM credentials WHERE id=?1 AND (?2 IS NULL OR created_by=?2)", id,
                            owner);
}
std::vector<Credential> list_credentials(sqlite::Db& db, const Owner& owner,
                                         const std::optional<std::string>& folder_id) {
  return db.all<Credential>("SELECT " CREDENTIAL
                            " FROM credentials WHERE (?1 IS NULL OR created_by=?1) AND (?2 IS NULL OR folder_id=?2) "
                            "ORDER BY name, id",
                            owner, folder_id);
}

void insert_webhook(sqlite::Tx& tx, const Webhook& w) {
  if (find_webhook_at(*tx.operator->(), w.path, w.method))
    throw Fault(FaultKind::conflict, "path_taken",
                fmt::format("/path: a webhook for {} {} already exists", w.method, w.path));
  tx->exec("INSERT INTO webhooks (" WEBHOOK ") VALUES (?,?,?,?,?,?,?,?)", w.id, w.workflow_id, w.path, w.method, w.node,
           w.response, w.created_by, w.created_at);
}
bool delete_webhook(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM webhooks WHERE id=?", id);
  return tx->changes() > 0;
}
std::optional<Webhook> find_webhook(sqlite::Db& db, const std::string& id, const Owner& owner) {
  return db.one<Webhook>("SELECT " WEBHOOK " FROM webhooks WHERE id=?1 AND (?2 IS NULL OR created_by=?2)", id, owner);
}
std::optional<Webhook> find_webhook_at(sqlite::Db& db, const std::string& path, const std::string& method) {
  return db.one<Webhook>("SELECT " WEBHOOK " FROM webhooks WHERE path=? AND method=?", path, method);
}
std::vector<Webhook> list_webhooks(sqlite::Db& db, const Owner& owner, const std::optional<std::string>& workflow_id) {
  return db.all<Webhook>(
      "SELECT " WEBHOOK
      " FROM webhooks WHERE (?1 IS NULL OR created_by=?1) AND (?2 IS NULL OR workflow_id=?2) ORDER BY "
      "id",
      owner, workflow_id);
}

void insert_container(sqlite::Tx& tx, const Container& c) {
  tx->exec("INSERT INTO containers (" CONTAINER ") VALUES (?,?,?,?,?,?,?,?,?,?)", c.id, c.python_version, c.status,
           c.workflow_execution_id, c.error, c.resource_limits, c.created_by, c.created_at, c.started_at, c.stopped_at);
}
void update_container(sqlite::Tx& tx, const Container& c) {
  tx->exec("UPDATE containers SET status=?2, error=?3, started_at=?4, stopped_at=?5 WHERE id=?1", c.id, c.status,
           c.error, c.started_at, c.stopped_at);
}
bool delete_container(sqlite::Tx& tx, const std::string& id) {
  tx->exec("DELETE FROM containers WHERE id=?", id);
  return tx->changes() > 0;
}
std::optional<Container> find_container(sqlite::Db& db, const std::string& id, const Owner& owner) {
  return db.one<Container>("SELECT " CONTAINER " FROM containers WHERE id=?1 AND (?2 IS NULL OR created_by=?2)", id,
                           owner);
}
std::vector<Container> list_containers(sqlite::Db& db, const Owner& owner) {
  return db.all<Container>("SELECT " CONTAINER " FROM containers WHERE ?1 IS NULL OR created_by=?1 ORDER BY id", owner);
}

void insert_container_log(sqlite::Tx& tx, const std::string& container_id, std::int64_t at, const std::string& level,
                          const std::string& message) {
  tx->exec(
      "INSERT INTO container_logs (container_id, at, level, message) SELECT id, ?2, ?3, ?4 FROM containers WHERE id=?1",
      container_id, at, level, message);
  tx->exec(
      "DELETE FROM container_logs WHERE container_id=?1 AND id <= (SELECT id FROM container_logs WHERE container_id=?1 "
      "ORDER BY id DESC LIMIT 1 OFFSET 1000)",
      container_id);
}
std::vector<ContainerLog> container_logs(sqlite::Db& db, const std::string& container_id, std::int64_t limit) {
  return db.all<ContainerLog>(
      "SELECT * FROM (SELECT id, at, level, message FROM container_logs WHERE container_id=? ORDER BY id DESC LIMIT ?) "
      "ORDER BY id",
      container_id, limit);
}

std::optional<File> find_file(sqlite::Db& db, const std::string& id, const Owner& owner) {
  return db.one<File>("SELECT " FILE_COLUMNS " FROM files WHERE id=?2 AND (?1 IS NULL OR created_by=?1)", owner, id);
}
std::vector<File> list_files(sqlite::Db& db, const Owner& owner, std::int64_t limit, const std::string& before,
                             const std::string& execution) {
  const std::string below = before.empty() ? "~" : before;
  if (!execution.empty())
    return db.all<File>(
        "SELECT " FILE_COLUMNS
        " FROM files WHERE workflow_execution_id=? AND (? IS NULL OR created_by=?) AND id<? ORDER BY id "
        "DESC LIMIT ?",
        execution, owner, owner, below, limit);
  if (owner)
    return db.all<File>("SELECT " FILE_COLUMNS " FROM files WHERE created_by=? AND id<? ORDER BY id DESC LIMIT ?",
                        *owner, below, limit);
  return db.all<File>("SELECT " FILE_COLUMNS " FROM files WHERE id<? ORDER BY id DESC LIMIT ?", below, limit);
}
bool delete_file(sqlite::Tx& tx, const std::string& id, std::optional<std::string>& orphan) {
  const auto hash = tx->one<std::string>("SELECT hash_sha256 FROM files WHERE id=?", id);
  if (!hash) return false;
  tx->exec("DELETE FROM files WHERE id=?", id);
  if (!tx->one<std::int64_t>("SELECT 1 FROM files WHERE hash_sha256=? LIMIT 1", *hash)) orphan = hash;
  return true;
}
void log_access(sqlite::Tx& tx, const std::string& file_id, const std::string& type, const std::string& who,
                std::int64_t at) {
  tx->exec("INSERT INTO file_access_logs (file_id, access_type, accessed_by, accessed_at) VALUES (?,?,?,?)", file_id,
           type, who, at);
}
std::vector<FileAccess> accesses_of(sqlite::Db& db, const std::string& file_id) {
  return db.all<FileAccess>(
      "SELECT access_type, accessed_by, accessed_at FROM file_access_logs WHERE file_id=? ORDER BY id DESC LIMIT 100",
      file_id);
}

std::optional<std::string> find_setting(sqlite::Db& db, const std::string& name) {
  return db.one<std::string>("SELECT value FROM settings WHERE name=?", name);
}
void put_setting(sqlite::Tx& tx, const std::string& name, const std::string& value) {
  tx->exec("INSERT INTO settings (name, value) VALUES (?1,?2) ON CONFLICT DO UPDATE SET value=?2", name, value);
}

}  // namespace qflow::store
