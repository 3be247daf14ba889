#include "daemon/api/multipart.hpp"

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/base/text.hpp"

namespace qflow::api {
namespace {

constexpr std::size_t kMostParts = 100;

[[noreturn]] void bad(const char* what) { throw Fault(FaultKind::bad_input, "invalid_multipart", what); }

bool starts_with(std::string_view text, std::string_view prefix) {
  return same_letters(text.substr(0, prefix.size()), prefix);
}

// The parameter `name` of a header's value: token or quoted text with \-escapes.
std::string parameter(std::string_view value, std::string_view name) {
  for (auto at = value.find(';'); at != std::string_view::npos; at = value.find(';', at)) {
    ++at;
    while (at < value.size() && value[at] == ' ') ++at;
    const bool found =
        starts_with(value.substr(at), name) && at + name.size() < value.size() && value[at + name.size()] == '=';
    if (!found) continue;
    at += name.size() + 1;
    std::string out;
    if (at < value.size() && value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        out += value[at];
      }
      return out;
    }
    const std::string_view rest = value.substr(at, value.substr(at).find(';'));
    return std::string(rest.substr(0, rest.find_last_not_of(' ') + 1));
  }
  return {};
}

void read_headers(std::string_view head, FormPart& part) {
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) bad("a part has a malformed header");
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (starts_with(line, "content-disposition:")) {
      part.name = parameter(value, "name");
      part.filename = parameter(value, "filename");
    } else if (starts_with(line, "content-type:")) {
      part.content_type = std::string(value);
    }
  }
}

}  // namespace

std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body) {
  if (!starts_with(content_type, "multipart/form-data")) bad("the body must be multipart/form-data");
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) bad("the Content-Type has no usable boundary");  // RFC 2046 5.1.1
  const std::string first = "--" + boundary;
  const std::string next = "\r\n" + first;
  if (body.starts_with(first)) body.remove_prefix(first.size());
  else if (const auto at = body.find(next); at != std::string_view::npos) body.remove_prefix(at + next.size());
  else bad("the body does not begin with its boundary");
  std::vector<FormPart> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) bad("a boundary is followed by neither a part nor the end");
    body.remove_prefix(2);
    const auto blank = body.starts_with("\r\n") ? 0 : body.find("\r\n\r\n");
    if (blank == std::string_view::npos) bad("the headers of a part do not end");
    FormPart part;
    read_headers(body.substr(0, blank), part);
    body.remove_prefix(blank + (blank == 0 ? 2 : 4));
    const auto end = body.find(next);
    if (end == std::string_view::npos) bad("the body ends within a part");
    part.content = body.substr(0, end);
    body.remove_prefix(end + next.size());
    if (parts.size() >= kMostParts) bad("more than 100 parts");
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace qflow::api
