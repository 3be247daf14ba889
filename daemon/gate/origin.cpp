#include "daemon/gate/origin.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/address.hpp"
#include "daemon/base/fault.hpp"

namespace qflow::gate {
namespace {

constexpr std::size_t kShown = 200;  // bytes of a stranger's header in a message

// The host of "name:port" or "[::1]:port".
std::string_view host_of(std::string_view header) {
  if (header.starts_with('['))
    return header.substr(1, header.find(']') == std::string_view::npos ? 0 : header.find(']') - 1);
  return header.substr(0, header.rfind(':'));
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  const auto slashes = origin.find("://");
  return slashes != std::string_view::npos && origin.substr(slashes + 3) == host;
}

}  // namespace

bool is_our_host(std::string_view header, const config::ServerSection& server) {
  std::string host(host_of(header));
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (host == "localhost" || contains(server.hosts, host)) return true;
  // A page can make its own name resolve to 127.0.0.1 (DNS rebinding), but the header then still holds that name.
  return is_address(host);
}

void check_host(const http::Request& head, const config::ServerSection& server) {
  const std::string_view host = head.header("host");
  if (is_our_host(host, server)) return;
  throw Fault(FaultKind::forbidden, "unknown_host",
              fmt::format("this server is not known as \"{}\"; add that name to server.hosts in its configuration",
                          std::string(host.substr(0, kShown))));
}

void check_origin(const http::Request& head, const config::ServerSection& server) {
  const std::string_view origin = head.header("origin");
  const std::string_view site = head.header("sec-fetch-site");
  if (!origin.empty()) {
    if (is_same_origin(origin, head.header("host")) || contains(server.cors_origins, origin)) return;
  } else if (site.empty() || site == "same-origin" || site == "none") {
    return;
  }
  throw Fault(
      FaultKind::forbidden, "foreign_origin",
      fmt::format("pages from \"{}\" may not call this server; server.cors_origins in its configuration lists the "
                  "origins that may",
                  std::string(origin.substr(0, kShown))));
}

bool is_allowed_origin(const http::Request& head, const config::ServerSection& server) {
  return contains(server.cors_origins, head.header("origin"));
}

}  // namespace qflow::gate
