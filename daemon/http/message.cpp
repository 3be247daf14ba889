#include "daemon/http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "daemon/base/text.hpp"
#include "schema/text/parse_json.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::http {
namespace {

constexpr std::size_t kMaxDepth = 128;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        throw Fault(FaultKind::bad_input, "bad_target", "the request's path or query has a broken percent escape");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (out.find('\0') != std::string::npos)
    throw Fault(FaultKind::bad_input, "bad_target", "the request's path or query has a null byte");
  return out;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (same_letters(key, name)) return value;
  return {};
}

std::string_view Request::cookie(std::string_view name) const {
  std::string_view rest = header("cookie");
  while (!rest.empty()) {
    const auto end = rest.find(';');
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

std::optional<std::string> Request::text(const std::string& name) const {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::optional<bool> Request::flag(const std::string& name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  if (*value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("{}: expected true or false", name));
}

json::object Request::object(const std::string& name) const {
  const auto value = text(name);
  if (!value) return {};
  std::string error;
  json::value parsed = schema::parse_json(*value, error);
  if (!error.empty() || !parsed.is_object())
    throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("{}: expected a JSON object", name));
  return std::move(parsed.get_object());
}

json::value Request::json_body() const {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return json::object();
  std::string error;
  json::value value = schema::parse_json(body, error, kMaxDepth);
  if (!error.empty())
    throw Fault(FaultKind::bad_input, "invalid_json", "the body is not JSON that this server accepts: " + error);
  return value;
}

json::object Request::json_object() const {
  json::value value = json_body();
  if (!value.is_object()) throw Fault(FaultKind::bad_input, "invalid_body", "the body must be a JSON object");
  return std::move(value.get_object());
}

std::int64_t Request::integer(const std::string& name, std::int64_t fallback, std::int64_t least,
                              std::int64_t most) const {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) return fallback;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  if (error != std::errc{} || end != found->second.data() + found->second.size() || value < least || value > most)
    throw Fault(FaultKind::bad_input, "invalid_query",
                fmt::format("{}: expected a whole number from {} to {}", name, least, most));
  return value;
}

Reply Reply::of(int status, const json::value& value) {
  Reply reply;
  reply.status = status;
  reply.body = schema::write_json(value);
  return reply;
}

Reply Reply::of(const Fault& fault) {
  const int status = http_status(fault.kind);
  const std::string message = to_utf8(fault.message);  // it may quote what a client sent
  json::object body{{"error", {{"message", message}, {"code", fault.code}, {"details", fault.details}}},
                    {"message", message},
                    {"code", status}};
  if (status == 401) body["status"] = "error";
  Reply reply = of(status, body);
  if (status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (const json::value* after = fault.details.if_contains("retry_after"))
    reply.headers.emplace_back("Retry-After", json::serialize(*after));
  return reply;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text)
    if (kPlain.find(c) != std::string_view::npos) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

void read_target(std::string_view target, Request& request) {
  request.target = target;
  // RFC 9112 3.2.2: a server accepts the absolute form.
  for (const std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) {
      const auto slash = target.find('/', scheme.size());
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
  const auto question = target.find('?');
  std::string_view path = target.substr(0, question);
  std::string_view query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  if (path.empty() || path.front() != '/')
    throw Fault(FaultKind::bad_input, "bad_target", "the request's path must begin with /");
  request.path = decode(path, false);
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    request.segments.push_back(decode(path.substr(0, slash), false));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  while (!query.empty()) {
    const auto amp = query.find('&');
    const std::string_view pair = query.substr(0, amp);
    query.remove_prefix(amp == std::string_view::npos ? query.size() : amp + 1);
    const auto equals = pair.find('=');
    std::string name = decode(pair.substr(0, equals), true);
    std::string value = equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1), true);
    request.query[name] = value;
    request.query_list.emplace_back(std::move(name), std::move(value));
  }
}

}  // namespace qflow::http
