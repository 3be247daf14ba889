#include "daemon/api/application.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/sockets.hpp"
#include "daemon/http/address.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/observe/text.hpp"
#include "sandbox/sys.hpp"

namespace qflow::api {
namespace {

// Others that write to the database (`qflow run` beside the server) are not noticed by this process's counters.
constexpr auto kRemember = std::chrono::seconds(1);
constexpr std::size_t kCacheBytes = 64U << 20U;
constexpr std::size_t kLargestEntry = 1U << 20U;

bool is_safe(const Request& request) { return request.method == "GET" || request.method == "OPTIONS"; }

// The host of "name:port" or "[::1]:port".
std::string_view host_of(std::string_view header) {
  if (header.starts_with('['))
    return header.substr(1, header.find(']') == std::string_view::npos ? 0 : header.find(']') - 1);
  return header.substr(0, header.rfind(':'));
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) { return one == text; });
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  const auto slashes = origin.find("://");
  return slashes != std::string_view::npos && origin.substr(slashes + 3) == host;
}

bool is_upgrade_path(const Route& route) { return route.handle == nullptr; }

}  // namespace

std::shared_ptr<const std::string> ReplyCache::find(const std::string& key, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.generation != generation || found->second.until < Clock::now())
    return nullptr;
  return found->second.body;
}

void ReplyCache::put(const std::string& key, std::shared_ptr<const std::string> body, std::uint64_t generation) {
  if (body->size() + key.size() > kLargestEntry) return;
  const std::lock_guard lock(mutex_);
  if (bytes_ > kCacheBytes || entries_.size() > 20'000) {
    entries_.clear();
    bytes_ = 0;
  }
  Entry& entry = entries_[key];
  bytes_ += body->size();
  if (entry.body) bytes_ -= entry.body->size();
  else bytes_ += key.size();
  entry = {std::move(body), generation, Clock::now() + kRemember};
}

Fault rate_fault(const auth::RateLimiter::Verdict& verdict) {
  return {
      FaultKind::too_many,
      "rate_limited",
      fmt::format("more than {} such calls within an hour; try again in {} s", verdict.limit, verdict.reset.count()),
      {{"retry_after", verdict.reset.count()}}};
}

bool is_our_host(std::string_view header, const config::Server& server) {
  std::string host(host_of(header));
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (host == "localhost" || contains(server.hosts, host)) return true;
  // A page can make a browser look up its own name as 127.0.0.1 (DNS rebinding), but then the name stands here.
  return http::is_address(host);
}

std::string bearer_of(const Request& request) {
  const std::string_view header = request.header("authorization");
  const auto token = request.text("token");
  return header.empty() && token ? "Bearer " + *token : std::string(header);
}

Application::Application(Services& services) : services_(services) {
  for (const Route& route : routes()) router_.add(route);
}

std::string_view Application::common_headers() const {
  return "X-Content-Type-Options: nosniff\r\nX-Frame-Options: SAMEORIGIN\r\nReferrer-Policy: no-referrer\r\n"
         "Content-Security-Policy: default-src 'none'; frame-ancestors 'self'\r\n"
         "Cross-Origin-Resource-Policy: same-site\r\n";
}

void Application::check_host(const Request& head) const {
  const std::string_view host = head.header("host");
  if (is_our_host(host, services_.config.get()->server)) return;
  throw Fault(FaultKind::forbidden, "unknown_host",
              fmt::format("this server is not known as \"{}\"; add that name to server.hosts in its configuration",
                          std::string(host.substr(0, 200))));
}

// What a browser sends for a page of another site is refused where it would change something: with a cookie that is
// forgery, without one it is a page that tries what a daemon on this machine takes. Who is no browser sends neither
// header.
void Application::check_origin(const Request& head, const config::Config& config) const {
  const std::string_view origin = head.header("origin");
  const std::string_view site = head.header("sec-fetch-site");
  if (!origin.empty()) {
    if (is_same_origin(origin, head.header("host")) || contains(config.server.cors_origins, origin)) return;
  } else if (site.empty() || site == "same-origin" || site == "none") {
    return;
  }
  throw Fault(
      FaultKind::forbidden, "foreign_origin",
      fmt::format("pages of \"{}\" may not call this server; server.cors_origins of its configuration names those "
                  "that may",
                  std::string(origin.substr(0, 200))));
}

void Application::check_access(const Request& head, const Route& route) const {
  const auth::Caller& caller = *head.caller;
  if (route.access == http::Access::open) return;
  if (!caller.signed_in())
    throw Fault(FaultKind::unauthorized, "unauthorized",
                "this call needs a sign-in: POST /login for a token, or an API key, as `Authorization: Bearer TOKEN`");
  if (route.access == http::Access::admin && !caller.sees_all())
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may do this");
  if (!route.scope.empty() && !caller.reaches(route.scope))
    throw Fault(FaultKind::forbidden, "missing_scope",
                fmt::format("this API key does not reach to \"{}\"; make one that does", route.scope));
}

Reply Application::preflight(const Request& head, const config::Config& config) const {
  const std::string methods = router_.methods(head);
  if (methods.empty()) throw Fault(FaultKind::not_found, "not_found", fmt::format("there is nothing at {}", head.path));
  Reply reply;
  reply.status = 204;
  reply.headers.emplace_back("Allow", methods + ", OPTIONS");
  if (contains(config.server.cors_origins, head.header("origin"))) {
    reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS, PUT, PATCH, DELETE");
    reply.headers.emplace_back("Access-Control-Allow-Headers",
                               "Origin, X-Requested-With, Content-Type, Accept, push-ref, browser-id, Authorization");
    reply.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return reply;
}

void Application::allow_origin(const Request& request, Reply& reply) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return;
  reply.headers.emplace_back("Vary", "Origin");
  if (!contains(services_.config.get()->server.cors_origins, origin)) return;
  reply.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  reply.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  reply.headers.emplace_back("Access-Control-Expose-Headers",
                             "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After");
}

// The usual headers; a refusal when the hour's calls are used up.
void Application::count(const Request& request, Reply& reply, bool& refused) {
  const Route& route = routes()[request.route];
  const auth::Caller& caller = *request.caller;
  if (route.rate == http::Rate::webhooks) return;  // by webhook, once it is known that there is one
  const std::string& client = caller.proof == auth::Caller::Proof::key ? caller.proof_id
                              : caller.signed_in()                     ? caller.user_id
                                                                       : request.peer;
  const auto verdict = services_.rates.take(client, route.rate, caller.signed_in());
  if (verdict.limit == 0) return;
  if (!verdict.allowed) {
    refused = true;
    reply = Reply::of(rate_fault(verdict));
  }
  reply.headers.emplace_back("X-RateLimit-Limit", std::to_string(verdict.limit));
  reply.headers.emplace_back("X-RateLimit-Remaining", std::to_string(verdict.remaining));
  reply.headers.emplace_back("X-RateLimit-Reset", std::to_string(verdict.reset.count()));
}

Task<Application::Admission> Application::admit(Request& head) {
  const auto started = Clock::now();
  const auto config = services_.config.get();
  Admission admission;
  bool matched = false;
  try {
    if (contains(config->server.trusted_proxies, head.peer))
      if (std::string_view chain = head.header("x-forwarded-for"); !chain.empty()) {
        chain.remove_prefix(chain.rfind(',') == std::string_view::npos ? 0 : chain.rfind(',') + 1);
        chain.remove_prefix(std::min(chain.find_first_not_of(' '), chain.size()));
        head.peer = std::string(chain.substr(0, 64));
      }
    check_host(head);
    if (head.method == "OPTIONS") {
      admission.reply = preflight(head, *config);
      allow_origin(head, *admission.reply);
      co_return admission;
    }
    router_.match(head);
    matched = true;
    const Route& route = routes()[head.route];
    if (head.head && route.rate == http::Rate::webhooks)
      throw Fault(FaultKind::not_allowed, "method_not_allowed", "a webhook takes no HEAD: it would run the workflow");
    if (!is_safe(head) || is_upgrade_path(route)) check_origin(head, *config);
    const std::string bearer = is_upgrade_path(route) ? bearer_of(head) : std::string(head.header("authorization"));
    const std::string_view cookie = head.cookie(auth::cookie_name(config->server.secure_cookies));
    head.caller = services_.authenticator.remembered(bearer, cookie);
    if (!head.caller) head.caller = co_await services_.authenticator.identify(bearer, cookie);
    check_access(head, route);
    Reply counted;
    bool refused = false;
    count(head, counted, refused);
    if (refused) {
      admission.reply = std::move(counted);
    } else {
      head.rate_headers = std::move(counted.headers);
      admission.upgrade = is_upgrade_path(route);
      admission.body_limit =
          (route.body == http::Body::upload ? config->files.max_upload_mib + 1 : config->server.max_body_mib) << 20U;
    }
  } catch (const Fault& fault) {
    admission.reply = Reply::of(fault);
  } catch (const std::exception& error) {
    log::error("http", "a request failed", {{"path", to_utf8(head.path)}, {"reason", error.what()}});
    admission.reply = Reply::of(Fault(FaultKind::internal, "internal", "an internal error; the log has the reason"));
  }
  if (admission.reply) {
    allow_origin(head, *admission.reply);
    if (matched) services_.metrics.request(head.route, admission.reply->status, milliseconds_since(started) / 1000);
  }
  co_return admission;
}

std::string Application::cache_key(const Request& request, const Route& route) const {
  // Whose rows are seen is part of the question: who asks, and as what.
  std::string key = route.access == http::Access::open ? std::string("-") : request.caller->user_id;
  key.append(auth::word(request.caller->role));
  return key.append(" ").append(request.target);
}

// One catch for each request: what a handler throws becomes the documented error body.
Task<Reply> Application::call(const Route& route, const Request& request) {
  try {
    co_return co_await route.handle(services_, request);
  } catch (const Fault& fault) {
    co_return Reply::of(fault);
  } catch (const sqlite::Error& error) {
    log::error("store", "a request failed", {{"path", to_utf8(request.path)}, {"reason", error.what()}});
    co_return Reply::of(store::fault_of(error));
  } catch (const sandbox::SysError& error) {
    log::error("http", "a request failed", {{"path", to_utf8(request.path)}, {"reason", error.what()}});
    if (error.code().value() == ENOSPC || error.code().value() == EDQUOT)
      co_return Reply::of(Fault(FaultKind::no_space, "storage", "the disk is full; nothing was changed"));
    co_return Reply::of(Fault(FaultKind::internal, "internal", "an internal error; the log has the reason"));
  } catch (const std::exception& error) {
    log::error("http", "a request failed", {{"path", to_utf8(request.path)}, {"reason", error.what()}});
    co_return Reply::of(Fault(FaultKind::internal, "internal", "an internal error; the log has the reason"));
  }
}

Task<Reply> Application::answer(const Request& request) {
  const auto started = Clock::now();
  const Route& route = routes()[request.route];
  Reply reply;
  if (route.reads != 0) {
    const std::uint64_t generation = services_.store.changes().of(route.reads);
    const std::string key = cache_key(request, route);
    reply.shared_body = cache_.find(key, generation);
    if (!reply.shared_body) {
      reply = co_await call(route, request);
      if (reply.status == 200 && !reply.file) {
        reply.shared_body = std::make_shared<const std::string>(std::move(reply.body));
        cache_.put(key, reply.shared_body, generation);
      }
    }
  } else {
    reply = co_await call(route, request);
  }
  for (const auto& header : request.rate_headers) reply.headers.push_back(header);
  allow_origin(request, reply);
  services_.metrics.request(request.route, reply.status, milliseconds_since(started) / 1000);
  co_return reply;
}

http::SocketEvents Application::open(const Request& request, std::shared_ptr<http::Socket> socket) {
  return open_socket(services_, request, std::move(socket));
}

}  // namespace qflow::api
