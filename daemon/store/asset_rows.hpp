// What workflows use besides their nodes: credentials, webhooks, environments (containers), files, settings. Functions
// that write take the transaction. `owner`: only that user's rows; nothing: everybody's.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/execution_rows.hpp"
#include "daemon/store/workflow_rows.hpp"

namespace qflow::store {

/// `data` is sealed (auth/secrets.hpp).
struct Credential {
  std::string id, name, type, data;
  std::optional<std::string> folder_id, created_by;
  std::int64_t created_at = 0, updated_at = 0;
};
BOOST_DESCRIBE_STRUCT(Credential, (), (id, name, type, data, folder_id, created_by, created_at, updated_at))
void insert_credential(sqlite::Tx& tx, const Credential& credential);
void update_credential(sqlite::Tx& tx, const Credential& credential);
bool delete_credential(sqlite::Tx& tx, const std::string& id);
std::optional<Credential> find_credential(sqlite::Db& db, const std::string& id, const Owner& owner);
std::vector<Credential> list_credentials(sqlite::Db& db, const Owner& owner,
                                         const std::optional<std::string>& folder_id);

struct Webhook {
  std::string id, workflow_id, path, method, node, response;
  std::optional<std::string> created_by;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(Webhook, (), (id, workflow_id, path, method, node, response, created_by, created_at))
/// Throws Fault(conflict) when path and method are taken.
void insert_webhook(sqlite::Tx& tx, const Webhook& webhook);
bool delete_webhook(sqlite::Tx& tx, const std::string& id);
std::optional<Webhook> find_webhook(sqlite::Db& db, const std::string& id, const Owner& owner);
std::optional<Webhook> find_webhook_at(sqlite::Db& db, const std::string& path, const std::string& method);
std::vector<Webhook> list_webhooks(sqlite::Db& db, const Owner& owner, const std::optional<std::string>& workflow_id);

/// A Python environment.
struct Container {
  std::string id, python_version, status;
  std::optional<std::string> workflow_execution_id;
  std::string error, resource_limits = "{}";
  std::optional<std::string> created_by;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> started_at, stopped_at;
};
BOOST_DESCRIBE_STRUCT(Container, (),
                      (id, python_version, status, workflow_execution_id, error, resource_limits, created_by,
                       created_at, started_at, stopped_at))
void insert_container(sqlite::Tx& tx, const Container& container);
/// Writes status, error and times.
void update_container(sqlite::Tx& tx, const Container& container);
bool delete_container(sqlite::Tx& tx, const std::string& id);
std::optional<Container> find_container(sqlite::Db& db, const std::string& id, const Owner& owner);
std::vector<Container> list_containers(sqlite::Db& db, const Owner& owner);

struct ContainerLog {
  std::int64_t id = 0, at = 0;
  std::string level, message;
};
BOOST_DESCRIBE_STRUCT(ContainerLog, (), (id, at, level, message))
/// Keeps the last 1,000 lines of each environment.
void insert_container_log(sqlite::Tx& tx, const std::string& container_id, std::int64_t at, const std::string& level,
                          const std::string& message);
std::vector<ContainerLog> container_logs(sqlite::Db& db, const std::string& container_id, std::int64_t limit);

std::optional<File> find_file(sqlite::Db& db, const std::string& id, const Owner& owner);
/// Newest first, below the id `before`; `execution`: only those that it handed over. Empty: any.
std::vector<File> list_files(sqlite::Db& db, const Owner& owner, std::int64_t limit, const std::string& before,
                             const std::string& execution = {});
/// `orphan`: the blob's hash when no other file uses it.
bool delete_file(sqlite::Tx& tx, const std::string& id, std::optional<std::string>& orphan);
void log_access(sqlite::Tx& tx, const std::string& file_id, const std::string& type, const std::string& who,
                std::int64_t at);
struct FileAccess {
  std::string access_type, accessed_by;
  std::int64_t accessed_at = 0;
};
BOOST_DESCRIBE_STRUCT(FileAccess, (), (access_type, accessed_by, accessed_at))
std::vector<FileAccess> accesses_of(sqlite::Db& db, const std::string& file_id);

/// JSON text of a setting that was changed at run time.
std::optional<std::string> find_setting(sqlite::Db& db, const std::string& name);
void put_setting(sqlite::Tx& tx, const std::string& name, const std::string& value);

}  // namespace qflow::store
