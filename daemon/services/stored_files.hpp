// Files that users upload and nodes write: who sees them, their bytes in the blob store, who touched them. Io threads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/services/services.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {

/// What a client says of a file.
struct FileDraft {
  std::string name;       ///< as sent; only its last part is kept, without control characters
  std::string mime_type;  ///< as sent; what is not a media type becomes application/octet-stream
  bool is_temporary = false;
  std::optional<std::int64_t> expires_at;  ///< microseconds since 1970
};

/// Throws Fault(not_found) also when it is not the caller's, or has expired.
Task<store::File> find_file(Services& services, const auth::Caller& caller, std::string id);
/// The caller's files, the newest first, below the id `before`; `execution`: only those that it handed over. Empty:
/// any.
Task<std::vector<store::File>> list_files(Services& services, const auth::Caller& caller, std::int64_t limit,
                                          std::string before, std::string execution);
/// Who touched the file. Throws Fault(not_found), as find_file().
Task<std::vector<store::FileAccess>> accesses_of(Services& services, const auth::Caller& caller, std::string id);
/// Keeps `bytes`. A temporary file without a time of its own expires after files.temporary_hours. Throws Fault:
/// bad_input for an expiry in the past; too_large above files.max_upload_mib; no_space, also when the caller keeps as
/// much as they may.
Task<store::File> keep_file(Services& services, const auth::Caller& caller, FileDraft draft, std::string bytes);
/// Deletes the row, and the bytes when nobody else has the same. Throws Fault(not_found).
Task<> delete_file(Services& services, const auth::Caller& caller, std::string id);
/// Notes that the caller has read it; written in the background.
void note_reading(Services& services, const auth::Caller& caller, const store::File& file);

}  // namespace qflow::services
