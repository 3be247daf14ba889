#include "daemon/api/people/session.hpp"

#include <fmt/format.h>

#include "daemon/api/people/user_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/people.hpp"
#include "daemon/services/sign_in.hpp"

namespace qflow::api {
namespace {

std::string set_cookie(const config::Config& config, const std::string& value, std::int64_t seconds) {
  const bool secure = config.server.secure_cookies;
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}", auth::cookie_name(secure), value, seconds,
                     secure ? "; Secure" : "");
}

Task<Reply> sign_in(Services& services, const Request& request, bool with_expiry) {
  Body body(request.json_object());
  std::string email = body.required(body.has("email") ? "email" : "emailOrLdapLoginId", 320);
  std::string password = body.required("password", 1024);
  body.check();
  const services::Actor actor = actor_of(request);
  const services::NewSession made = co_await services::sign_in(services, actor, std::move(email), std::move(password));
  json::object out{{"user", user_view(made.user)}, {"token", made.proofs.jwt}};
  if (with_expiry) out["expiresAt"] = iso_time(made.proofs.session.expires_at);
  Reply reply = Reply::of(out);
  reply.headers.emplace_back("Set-Cookie", set_cookie(*services.config.get(), made.proofs.cookie, made.life.count()));
  co_return reply;
}

Task<Reply> sign_out(Services& services, const Request& request) {
  const services::Actor actor = actor_of(request);
  co_await services::sign_out(services, *request.caller, actor);
  Reply reply = Reply::success();
  reply.headers.emplace_back("Set-Cookie", set_cookie(*services.config.get(), "", 0));
  co_return reply;
}

Task<store::User> own_row(Services& services, const Request& request) {
  return services::find_user(services, *request.caller, request.caller->user_id);
}

}  // namespace

Task<Reply> login(Services& services, const Request& request) { return sign_in(services, request, false); }
Task<Reply> create_session(Services& services, const Request& request) { return sign_in(services, request, true); }
Task<Reply> logout(Services& services, const Request& request) { return sign_out(services, request); }
Task<Reply> delete_session(Services& services, const Request& request) { return sign_out(services, request); }

Task<Reply> get_session(Services& services, const Request& request) {
  const store::User user = co_await own_row(services, request);
  const auto session = co_await services::session_of(services, *request.caller);
  json::object out{{"user", user_view(user)}, {"expiresAt", nullptr}};
  if (session) out["expiresAt"] = iso_time(session->expires_at);
  co_return Reply::of(out);
}

Task<Reply> get_me(Services& services, const Request& request) {
  const store::User user = co_await own_row(services, request);
  co_return Reply::of(user_view(user));
}

}  // namespace qflow::api
