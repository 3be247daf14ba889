#include "daemon/api/installation/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/api/multipart.hpp"
#include "daemon/api/stored_file.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/stored_files.hpp"

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
  services::FileDraft draft;
  for (const FormPart& part : parts) {
    if (part.name == "file") content = &part;
    if (part.name == "is_temporary") draft.is_temporary = part.content == "true" || part.content == "1";
    if (part.name == "expires_at") {
      draft.expires_at = parse_time(part.content);
      if (!draft.expires_at)
        throw Fault(FaultKind::bad_input, "invalid_body",
                    "/expires_at: expected a time in the future, such as 2030-01-31T12:00:00Z");
    }
  }
  if (content == nullptr)
    throw Fault(FaultKind::bad_input, "missing_file", "/file: required: the part with the file's bytes");
  draft.name = content->filename;
  draft.mime_type = content->content_type;
  std::string bytes(content->content);
  const store::File file = co_await services::keep_file(services, *request.caller, std::move(draft), std::move(bytes));
  co_return Reply::of(201, view(file));
}

Task<Reply> list_files(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  const auto rows = co_await services::list_files(services, *request.caller, limit, request.text("lastId").value_or(""),
                                                  request.text("executionId").value_or(""));
  json::array files;
  for (const auto& row : rows) files.push_back(view(row));
  co_return Reply::of(json::object{{"files", std::move(files)}});
}

Task<Reply> get_file(Services& services, const Request& request) {
  const store::File file = co_await services::find_file(services, *request.caller, request.parameter("id"));
  const auto size = static_cast<std::uint64_t>(file.file_size_bytes);
  const std::string etag = "\"" + file.hash_sha256 + "\"";
  Reply reply = stored_file(services, file);
  reply.headers.insert(reply.headers.end(),
                       {{"ETag", etag}, {"Accept-Ranges", "bytes"}, {"Cache-Control", "private, no-cache"}});
  if (request.header("if-none-match") == etag) {
    reply.status = 304;
    reply.file.reset();
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
  const std::string_view condition = request.header("if-range");
  if (range && (condition.empty() || condition == etag)) {
    reply.status = 206;
    reply.file->offset = range->first;
    reply.file->size = range->size;
    reply.headers.emplace_back("Content-Range",
                               fmt::format("bytes {}-{}/{}", range->first, range->first + range->size - 1, size));
  }
  services::note_reading(services, *request.caller, file);
  co_return reply;
}

Task<Reply> get_file_metadata(Services& services, const Request& request) {
  const store::File file = co_await services::find_file(services, *request.caller, request.parameter("id"));
  co_return Reply::of(view(file));
}

Task<Reply> get_file_accesses(Services& services, const Request& request) {
  const auto rows = co_await services::accesses_of(services, *request.caller, request.parameter("id"));
  json::array accesses;
  for (const auto& row : rows)
    accesses.push_back(json::object{{"access_type", row.access_type},
                                    {"accessed_by", row.accessed_by},
                                    {"accessed_at", iso_time(row.accessed_at)}});
  co_return Reply::of(json::object{{"accesses", std::move(accesses)}});
}

Task<Reply> delete_file(Services& services, const Request& request) {
  co_await services::delete_file(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

}  // namespace qflow::api
