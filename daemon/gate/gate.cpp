#include "daemon/gate/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/text.hpp"
#include "daemon/gate/origin.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/faults.hpp"
#include "sandbox/sys.hpp"

namespace qflow::gate {
namespace {

using http::Reply;
using http::Request;

bool is_safe(const Request& request) { return request.method == "GET" || request.method == "OPTIONS"; }

bool is_upgrade_path(const Route& route) { return route.handle == nullptr; }

Fault internal_error() { return {FaultKind::internal, "internal", "an internal error; the log has the reason"}; }

void log_failure(const char* part, const Request& request, const std::exception& error) {
  log::error(part, "a request failed", {{"path", to_utf8(request.path)}, {"reason", error.what()}});
}

// Behind a trusted proxy the client is the last address of X-Forwarded-For: the one that the proxy itself has added.
void take_forwarded_peer(Request& head, const config::ServerSection& server) {
  const auto& proxies = server.trusted_proxies;
  if (std::find(proxies.begin(), proxies.end(), head.peer) == proxies.end()) return;
  std::string_view chain = head.header("x-forwarded-for");
  if (chain.empty()) return;
  chain.remove_prefix(chain.rfind(',') == std::string_view::npos ? 0 : chain.rfind(',') + 1);
  chain.remove_prefix(std::min(chain.find_first_not_of(' '), chain.size()));
  head.peer = std::string(chain.substr(0, 64));
}

void check_access(const auth::Caller& caller, const Route& route) {
  if (route.access == http::Access::open) return;
  if (!caller.signed_in())
    throw Fault(FaultKind::unauthorized, "unauthorized",
                "this call needs a token from POST /login, or an API key, sent as `Authorization: Bearer TOKEN`");
  if (route.access == http::Access::admin && !caller.sees_all())
    throw Fault(FaultKind::forbidden, "forbidden", "only the owner and admins may do this");
  if (!route.scope.empty() && !caller.reaches(route.scope))
    throw Fault(FaultKind::forbidden, "missing_scope",
                fmt::format("this API key does not have the scope \"{}\"; create a key that does", route.scope));
}

std::uint64_t body_limit(const Route& route, const config::Config& config) {
  if (route.body == http::BodySize::upload) return (config.files.max_upload_mib + 1) << 20U;
  const std::uint64_t most = config.server.max_body_mib << 20U;
  return route.rate == auth::Rate::webhooks ? std::min(most, config.server.max_webhook_kib << 10U) : most;
}

// One user must not take all WebSockets: a quarter of them is a user's share.
void check_share(std::uint64_t all, std::size_t own) {
  const std::uint64_t share = std::max<std::uint64_t>(all / 4, 1);
  if (own >= share)
    throw Fault(FaultKind::too_many, "too_many_sockets",
                fmt::format("you have {} WebSockets open, as many as one user may; close some", own),
                {{"retry_after", 1}});
}

// Whose rows are shown depends on the caller and their role.
std::string cache_key(const Request& request, const Route& route) {
  std::string key = route.access == http::Access::open ? std::string("-") : request.caller->user_id;
  key.append(auth::word(request.caller->role));
  return key.append(" ").append(request.target);
}

}  // namespace

Gate::Gate(services::Services& services, std::span<const Route> routes, Check check)
    : services_(services), routes_(routes), check_(check) {
  for (const Route& route : routes_) router_.add(route);
}

std::string_view Gate::common_headers() const {
  return "X-Content-Type-Options: nosniff\r\nX-Frame-Options: SAMEORIGIN\r\nReferrer-Policy: no-referrer\r\n"
         "Cross-Origin-Resource-Policy: same-site\r\n";
}

std::string_view Gate::content_policy() const { return "default-src 'none'; frame-ancestors 'self'"; }

Reply Gate::preflight(const Request& head, const config::Config& config) const {
  const std::string methods = router_.methods(head);
  if (methods.empty()) throw Fault(FaultKind::not_found, "not_found", fmt::format("there is nothing at {}", head.path));
  Reply reply;
  reply.status = 204;
  reply.headers.emplace_back("Allow", methods + ", OPTIONS");
  if (is_allowed_origin(head, config.server)) {
    reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS, PUT, PATCH, DELETE");
    reply.headers.emplace_back("Access-Control-Allow-Headers",
                               "Origin, X-Requested-With, Content-Type, Accept, push-ref, browser-id, Authorization");
    reply.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return reply;
}

void Gate::allow_origin(const Request& request, Reply& reply) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return;
  reply.headers.emplace_back("Vary", "Origin");
  if (!is_allowed_origin(request, services_.config.get()->server)) return;
  reply.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  reply.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  reply.headers.emplace_back("Access-Control-Expose-Headers",
                             "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After");
}

// Puts the usual headers into `reply`. False: the hour's calls are used up, and `reply` is the refusal.
bool Gate::count(const Request& request, const Route& route, Reply& reply) {
  const auth::Caller& caller = *request.caller;
  if (route.rate == auth::Rate::webhooks) return true;  // counted by webhook, once it is found
  // By user, not by key: ten keys are not ten allowances.
  const std::string& client = caller.signed_in() ? caller.user_id : request.peer;
  const auto verdict = services_.rates.take(client, route.rate, caller.signed_in());
  if (verdict.limit == 0) return true;
  if (!verdict.allowed) reply = Reply::of(auth::rate_fault(verdict));
  reply.headers.emplace_back("X-RateLimit-Limit", std::to_string(verdict.limit));
  reply.headers.emplace_back("X-RateLimit-Remaining", std::to_string(verdict.remaining));
  reply.headers.emplace_back("X-RateLimit-Reset", std::to_string(verdict.reset.count()));
  return verdict.allowed;
}

Task<Gate::Admission> Gate::admit(Request& head) {
  const auto started = Clock::now();
  const auto config = services_.config.get();
  Admission admission;
  bool matched = false;
  try {
    take_forwarded_peer(head, config->server);
    check_host(head, config->server);
    if (head.method == "OPTIONS") {
      admission.reply = preflight(head, *config);
      allow_origin(head, *admission.reply);
      co_return admission;
    }
    router_.match(head);
    matched = true;
    const Route& route = routes_[head.route];
    if (head.head && route.rate == auth::Rate::webhooks)
      throw Fault(FaultKind::not_allowed, "method_not_allowed", "webhooks refuse HEAD: it would run the workflow");
    if (!is_safe(head) || is_upgrade_path(route)) check_origin(head, config->server);
    const std::string bearer = is_upgrade_path(route) ? bearer_of(head) : std::string(head.header("authorization"));
    const std::string_view cookie = head.cookie(auth::cookie_name(config->server.secure_cookies));
    head.caller = services_.authenticator.remembered(bearer, cookie);
    if (!head.caller) head.caller = co_await services_.authenticator.identify(bearer, cookie);
    check_access(*head.caller, route);
    if (is_upgrade_path(route)) check_share(config->server.max_sockets, sockets_.count(head.caller->user_id));
    Reply counted;
    if (count(head, route, counted)) {
      head.rate_headers = std::move(counted.headers);
      admission.upgrade = is_upgrade_path(route);
      admission.body_limit = body_limit(route, *config);
    } else {
      admission.reply = std::move(counted);
    }
  } catch (const Fault& fault) {
    admission.reply = Reply::of(fault);
  } catch (const std::exception& error) {
    log_failure("http", head, error);
    admission.reply = Reply::of(internal_error());
  }
  if (admission.reply) {
    allow_origin(head, *admission.reply);
    if (matched) services_.metrics.request(head.route, admission.reply->status, milliseconds_since(started) / 1000);
  }
  co_return admission;
}

// The one catch of each request: an exception of a handler becomes the documented error body.
Task<Reply> Gate::call(const Route& route, const Request& request) {
  try {
    if (check_ != nullptr) check_(route, request);
    Reply reply = co_await route.handle(services_, request);
    if (reply.room) reply.room->shrink_to(reply.body.size());  // what it was made of is gone
    else reply.room = services::reply_room(services_, request.caller->user_id, reply.body.size());
    co_return reply;
  } catch (const Fault& fault) {
    co_return Reply::of(fault);
  } catch (const sqlite::Error& error) {
    log_failure("store", request, error);
    co_return Reply::of(store::fault_of(error));
  } catch (const std::system_error& error) {
    log_failure("http", request, error);
    if (error.code().value() == ENOSPC || error.code().value() == EDQUOT)
      co_return Reply::of(Fault(FaultKind::no_space, "storage", "the disk is full; nothing was changed"));
    if (error.code().value() == EIO)
      co_return Reply::of(Fault(FaultKind::no_space, "storage", "the disk failed; nothing was changed"));
    co_return Reply::of(internal_error());
  } catch (const std::exception& error) {
    log_failure("http", request, error);
    co_return Reply::of(internal_error());
  }
}

Task<Reply> Gate::answer(const Request& request) {
  const auto started = Clock::now();
  const Route& route = routes_[request.route];
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

http::SocketEvents Gate::open(const Request& request, std::shared_ptr<http::Socket> socket) {
  return open_socket(services_, sockets_, request, std::move(socket));
}

Task<> Gate::watch_access() {
  for (;;) {
    co_await sleep_for(std::chrono::seconds(1));
    for (const OpenSockets::Entry& entry : sockets_.all()) {
      try {
        const auto now = co_await services_.authenticator.identify(entry.authorization, entry.cookie);
        if (now->signed_in() && now->user_id == entry.caller->user_id && now->role == entry.caller->role) continue;
      } catch (const std::exception&) {
        continue;  // the store does not answer, which says nothing about access
      }
      if (const auto socket = entry.socket.lock())
        socket->close(1008, "the sign-in or key that opened this socket is no longer valid");
    }
  }
}

}  // namespace qflow::gate
