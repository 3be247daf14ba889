// A kept file as a reply: streamed from the blob store, as data and never as a page of this origin, since a node may
// have made it. Any thread.
#pragma once
#include "daemon/api/handler.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {

/// The whole file, 200, under the name that its user gave it.
inline Reply stored_file(Services& services, const store::File& file) {
  Reply reply;
  reply.content_type = file.mime_type;
  const std::string& name = file.original_filename.empty() ? file.filename : file.original_filename;
  reply.headers = {{"Content-Disposition", "attachment; filename*=UTF-8''" + http::percent_encoded(name)}};
  reply.file =
      http::FilePart{services.store.blob_path(file.hash_sha256), 0, static_cast<std::uint64_t>(file.file_size_bytes)};
  return reply;
}

}  // namespace qflow::api
