// /files: files that users upload and files that executions hand over. The bytes are blobs, named by their hash.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> upload_file(Services&, const Request&);
Task<Reply> list_files(Services&, const Request&);
Task<Reply> get_file(Services&, const Request&);
Task<Reply> get_file_metadata(Services&, const Request&);
Task<Reply> get_file_accesses(Services&, const Request&);
Task<Reply> delete_file(Services&, const Request&);

}  // namespace qflow::api
