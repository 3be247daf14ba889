// Which host names are ours, and which pages may call. Against DNS rebinding and cross-site requests. Any thread.
#pragma once
#include <string_view>

#include "daemon/config/config.hpp"
#include "daemon/http/message.hpp"

namespace qflow::gate {

/// Whether the Host header names us: an address, localhost, or one of server.hosts.
bool is_our_host(std::string_view header, const config::ServerSection& server);
/// Throws Fault(forbidden) when the Host header does not name us.
void check_host(const http::Request& head, const config::ServerSection& server);
/// Throws Fault(forbidden) for a request that a browser sends for a page of another site, unless server.cors_origins
/// names that site. With a cookie it would be forgery, without one it is a page that tries out what a daemon on this
/// machine accepts. Clients other than browsers send neither Origin nor Sec-Fetch-Site.
void check_origin(const http::Request& head, const config::ServerSection& server);
/// Whether server.cors_origins names the request's Origin.
bool is_allowed_origin(const http::Request& head, const config::ServerSection& server);

}  // namespace qflow::gate
