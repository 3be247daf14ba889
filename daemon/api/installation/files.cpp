#include "daemon/api/installation/files.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "daemon/api/installation/multipart.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {
namespace {

json::object view(const store::File& f) {
  json::object out{{"id", f.id},
                   {"filename", f.filename},
                   {"original_filename", f.original_filename.empty() ? f.filename : f.original_filename},
                   {"file_size_bytes", f.file_size_bytes},
                   {"mime_type", f.mime_type},
                   {"hash_sha256", f.hash_sha256},
                   {"is_temporary", f.is_temporary},
                   {"expires_at", nullptr},
                   {"workflow_execution_id", nullptr},
                   {"node_id", nullptr},
                   {"created_at", iso_time(f.created_at)}};
  if (f.expires_at) out["expires_at"] = iso_time(*f.expires_at);
  if (f.workflow_execution_id) out["workflow_execution_id"] = *f.workflow_execution_id;
  if (f.node_id) out["node_id"] = *f.node_id;
  return out;
}

Task<store::File> load(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_file(db, id, owner);
  };
  const auto found = co_await services.store.read(std::move(job));
  if (!found || (found->expires_at && *found->expires_at <= now_us())) throw missing("file", request.parameter("id"));
  co_return *found;
}

void note_access(Services& services, const std::string& id, const char* type, const Request& request) {
  services.store.post([id, type = std::string(type), who = request.caller->email](sqlite::Tx& tx) {
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

struct Range {
  std::uint64_t first = 0, size = 0;
};

// One range of bytes (RFC 9110 14.1.2); nothing: send the whole file. Several ranges also get the whole file, as the
// RFC allows.
std::optional<Range> range_of(std::string_view header, std::uint64_t size, bool& unsatisfiable) {
  if (!header.starts_with("bytes=") || header.find(',') != std::string_view::npos) return std::nullopt;
  header.remove_prefix(6);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  };
  const auto first = number(header.substr(0, dash));
  const auto last = number(header.substr(dash + 1));
  if ((!first && !header.substr(0, dash).empty()) || (!last && !header.substr(dash + 1).empty()) || (!first && !last))
    return std::nullopt;
  Range range;
  if (!first) {
    range.size = std::min(*last, size);
    range.first = size - range.size;
  } else {
    if (last && *last < *first) return std::nullopt;
    range.first = *first;
    if (range.first < size) range.size = std::min(last.value_or(size - 1), size - 1) - range.first + 1;
  }
  unsatisfiable = range.size == 0;
  return range;
}

}  // namespace

Task<Reply> upload_file(Services& services, const Request& request) {
  const auto parts = parse_multipart(request.header("content-type"), request.body);
  const FormPart* content = nullptr;
  store::File file;
  const auto config = services.config.get();
  for (const FormPart& part : parts) {
    if (part.name == "file") content = &part;
    if (part.name == "is_temporary") file.is_temporary = part.content == "true" || part.content == "1";
    if (part.name == "expires_at") {
      file.expires_at = parse_time(part.content);
      if (!file.expires_at || *file.expires_at <= now_us())
        throw Fault(FaultKind::bad_input, "invalid_body",
                    "/expires_at: expected a time in the future, such as 2030-01-31T12:00:00Z");
    }
  }
  if (content == nullptr)
    throw Fault(FaultKind::bad_input, "missing_file", "/file: required: the part with the file's bytes");
  if (content->content.size() > config->files.max_upload_mib << 20U)
    throw Fault(FaultKind::too_large, "file_too_large",
                fmt::format("/file: larger than the limit of {} MiB", config->files.max_upload_mib));
  file.id = new_id();
  file.original_filename = safe_name(content->filename);
  file.filename = file.id + std::filesystem::path(file.original_filename).extension().string();
  file.mime_type = is_media_type(content->content_type) ? content->content_type : "application/octet-stream";
  file.file_size_bytes = static_cast<std::int64_t>(content->content.size());
  file.created_at = now_us();
  if (file.is_temporary && !file.expires_at)
    file.expires_at = file.created_at + static_cast<std::int64_t>(config->files.temporary_hours * 3.6e9);
  file.created_by = request.caller->user_id;
  auto put = [&services, bytes = content->content] { return services.store.put_blob(bytes); };
  file.hash_sha256 = co_await services.store.offload(std::move(put));
  auto job = [file](sqlite::Tx& tx) { store::insert_file(tx, file); };
  co_await services.store.write(std::move(job));
  note_access(services, file.id, "write", request);
  co_return Reply::of(201, view(file));
}

Task<Reply> list_files(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  auto job = [owner = request.caller->owner_filter(), limit, before = request.text("lastId").value_or("")](
                 sqlite::Db& db) { return store::list_files(db, owner, limit, before); };
  const auto rows = co_await services.store.read(std::move(job));
  json::array files;
  for (const auto& row : rows) files.push_back(view(row));
  co_return Reply::of(json::object{{"files", std::move(files)}});
}

Task<Reply> get_file(Services& services, const Request& request) {
  const store::File file = co_await load(services, request);
  const auto size = static_cast<std::uint64_t>(file.file_size_bytes);
  const std::string etag = "\"" + file.hash_sha256 + "\"";
  Reply reply;
  reply.content_type = file.mime_type;
  reply.headers = {
      {"ETag", etag},
      {"Accept-Ranges", "bytes"},
      {"Cache-Control", "private, no-cache"},
      // A file that a node made is served as data, never as a page of this origin.
      {"Content-Disposition",
       fmt::format("attachment; filename*=UTF-8''{}",
                   http::percent_encoded(file.original_filename.empty() ? file.filename : file.original_filename))}};
  if (request.header("if-none-match") == etag) {
    reply.status = 304;
    co_return reply;
  }
  bool unsatisfiable = false;
  const auto range = range_of(request.header("range"), size, unsatisfiable);
  if (unsatisfiable) {
    Reply refused =
        Reply::of(Fault(FaultKind::bad_input, "range_not_satisfiable", fmt::format("the file has {} bytes", size)));
    refused.status = 416;
    refused.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
    co_return refused;
  }
  reply.file = http::FilePart{services.store.blob_path(file.hash_sha256), 0, size};
  const std::string_view condition = request.header("if-range");
  if (range && (condition.empty() || condition == etag)) {
    reply.status = 206;
    reply.file->offset = range->first;
    reply.file->size = range->size;
    reply.headers.emplace_back("Content-Range",
                               fmt::format("bytes {}-{}/{}", range->first, range->first + range->size - 1, size));
  }
  note_access(services, file.id, "read", request);
  co_return reply;
}

Task<Reply> get_file_metadata(Services& services, const Request& request) {
  const store::File file = co_await load(services, request);
  co_return Reply::of(view(file));
}

Task<Reply> get_file_accesses(Services& services, const Request& request) {
  const store::File file = co_await load(services, request);
  auto job = [id = file.id](sqlite::Db& db) { return store::accesses_of(db, id); };
  const auto rows = co_await services.store.read(std::move(job));
  json::array accesses;
  for (const auto& row : rows)
    accesses.push_back(json::object{{"access_type", row.access_type},
                                    {"accessed_by", row.accessed_by},
                                    {"accessed_at", iso_time(row.accessed_at)}});
  co_return Reply::of(json::object{{"accesses", std::move(accesses)}});
}

Task<Reply> delete_file(Services& services, const Request& request) {
  const store::File file = co_await load(services, request);
  auto job = [id = file.id](sqlite::Tx& tx) {
    std::optional<std::string> orphan;
    store::delete_file(tx, id, orphan);
    return orphan;
  };
  const auto orphan = co_await services.store.write(std::move(job));
  if (orphan) {
    auto drop = [&services, hash = *orphan] { services.store.drop_blob(hash); };
    co_await services.store.offload(std::move(drop));
  }
  note_access(services, file.id, "delete", request);
  co_return Reply::success();
}

}  // namespace qflow::api
