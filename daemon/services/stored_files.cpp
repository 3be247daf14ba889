#include "daemon/services/stored_files.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "daemon/base/ids.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/store/storage_rows.hpp"

namespace qflow::services {
namespace {

void note_access(Services& services, const std::string& id, const char* type, const auth::Caller& caller) {
  services.store.post([id, type = std::string(type), who = caller.email](sqlite::Tx& tx) {
    store::log_access(tx, id, type, who, now_us());
  });
}

// A name that is safe to show and to save under: the last part of a path, without control characters.
std::string safe_name(const std::string& given) {
  std::string name = to_utf8(given);
  name.erase(0, name.find_last_of("/\\") == std::string::npos ? 0 : name.find_last_of("/\\") + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"'; });
  name = std::string(cut_utf8(name, 200));
  return name.empty() || name == "." || name == ".." ? "file" : name;
}

bool is_media_type(const std::string& text) {
  return !text.empty() && text.size() < 100 && text.find('/') != std::string::npos &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/;= ") ==
             std::string::npos;
}

}  // namespace

Task<store::File> find_file(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Db& db) { return store::find_file(db, id, owner); };
  auto found = co_await services.store.read(std::move(job));
  if (!found || (found->expires_at && *found->expires_at <= now_us())) throw missing("file", id);
  co_return std::move(*found);
}

Task<std::vector<store::File>> list_files(Services& services, const auth::Caller& caller, std::int64_t limit,
                                          std::string before, std::string execution) {
  auto job = [owner = caller.owner_filter(), limit, before = std::move(before), execution = std::move(execution)](
                 sqlite::Db& db) { return store::list_files(db, owner, limit, before, execution); };
  return services.store.read(std::move(job));
}

Task<std::vector<store::FileAccess>> accesses_of(Services& services, const auth::Caller& caller, std::string id) {
  const store::File file = co_await find_file(services, caller, std::move(id));
  auto job = [id = file.id](sqlite::Db& db) { return store::accesses_of(db, id); };
  auto rows = co_await services.store.read(std::move(job));
  co_return rows;
}

Task<store::File> keep_file(Services& services, const auth::Caller& caller, FileDraft draft, std::string bytes) {
  const auto config = services.config.get();
  if (bytes.size() > config->files.max_upload_mib << 20U)
    throw Fault(FaultKind::too_large, "file_too_large",
                fmt::format("/file: larger than the limit of {} MiB", config->files.max_upload_mib));
  if (draft.expires_at && *draft.expires_at <= now_us())
    throw Fault(FaultKind::bad_input, "invalid_body", "/expires_at: expected a time in the future");
  store::File file;
  file.id = new_id();
  file.original_filename = safe_name(draft.name);
  file.filename = file.id + std::filesystem::path(file.original_filename).extension().string();
  file.mime_type = is_media_type(draft.mime_type) ? draft.mime_type : "application/octet-stream";
  file.file_size_bytes = static_cast<std::int64_t>(bytes.size());
  file.created_at = now_us();
  file.is_temporary = draft.is_temporary;
  file.expires_at = draft.expires_at;
  if (file.is_temporary && !file.expires_at)
    file.expires_at = file.created_at + static_cast<std::int64_t>(config->files.temporary_hours * 3.6e9);
  file.created_by = caller.user_id;
  const auto size = static_cast<std::uint64_t>(bytes.size());
  auto room = [user = caller.user_id, quota = quota_of(services), size](sqlite::Db& db) {
    store::require_room(db, user, quota, size);
  };
  co_await services.store.read(std::move(room));  // before the bytes are written; decided when the row is
  auto put = [&services, bytes = std::move(bytes)] { return services.store.put_blob(bytes); };
  file.hash_sha256 = co_await services.store.offload(std::move(put));
  auto job = [file, quota = quota_of(services), size](sqlite::Tx& tx) {
    store::require_room(*tx.operator->(), *file.created_by, quota, size);
    store::insert_file(tx, file);
  };
  co_await services.store.write(std::move(job));
  note_access(services, file.id, "write", caller);
  co_return file;
}

Task<> delete_file(Services& services, const auth::Caller& caller, std::string id) {
  const store::File file = co_await find_file(services, caller, std::move(id));
  auto job = [id = file.id](sqlite::Tx& tx) {
    std::optional<std::string> orphan;
    store::delete_file(tx, id, orphan);
    return orphan;
  };
  const auto orphan = co_await services.store.write_always(std::move(job));
  if (orphan) {
    auto drop = [&services, hash = *orphan] { services.store.drop_blob(hash); };
    co_await services.store.offload(std::move(drop));
  }
  note_access(services, file.id, "delete", caller);
}

void note_reading(Services& services, const auth::Caller& caller, const store::File& file) {
  note_access(services, file.id, "read", caller);
}

}  // namespace qflow::services
