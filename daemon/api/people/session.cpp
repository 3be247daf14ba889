#include "daemon/api/people/session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/people/user_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"

namespace qflow::api {
namespace {

std::string set_cookie(const config::Config& config, const std::string& value, std::int64_t seconds) {
  const bool secure = config.server.secure_cookies;
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}", auth::cookie_name(secure), value, seconds,
                     secure ? "; Secure" : "");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

Fault too_soon(std::chrono::seconds wait) {
  return {FaultKind::too_many,
          "too_many_attempts",
          fmt::format("too many failed sign-ins; the next attempt is possible in {} s", wait.count()),
          {{"retry_after", wait.count()}}};
}

// The user with the body's address and password. Throws Fault(unauthorized), with the same message whatever was wrong.
Task<store::User> verified_user(Services& services, const Request& request) {
  Body body(request.json_object());
  const char* name = body.has("email") ? "email" : "emailOrLdapLoginId";
  const std::string email = body.required(name, 320);
  const std::string password = body.required("password", 1024);
  body.check();
  // Guesses at one address from one peer soon have to wait; guesses from many peers, or at many addresses, only after
  // more failures. Otherwise anybody could lock out a user, or everybody behind one proxy.
  constexpr unsigned kFreeTogether = 50;
  const std::string by_email = "e" + lower(email);
  const std::string by_peer = "p" + request.peer;
  const std::string by_both = by_email + " " + request.peer;
  const auto wait = std::max({services.logins.wait(by_both), services.logins.wait(by_email, kFreeTogether),
                              services.logins.wait(by_peer, kFreeTogether)});
  if (wait.count() > 0) throw too_soon(wait);
  // An attempt counts as failed until it succeeds, so simultaneous guesses all count.
  for (const auto& who : {by_email, by_peer, by_both}) services.logins.failed(who);
  auto find = [email](sqlite::Db& db) { return store::find_user_by_email(db, email); };
  std::optional<store::User> user = co_await services.store.read(std::move(find));
  auto verify = [hash = user ? user->password_hash : std::string(), password] {
    return auth::verify_password(hash, password);
  };
  const bool right = co_await on_pool(services.slow, std::move(verify));
  if (!right || !user->is_active) {
    audit(services, actor_of(request), "session.refused", email);
    throw Fault(FaultKind::unauthorized, "wrong_credentials", "the address or the password is wrong");
  }
  services.logins.succeeded(by_both);
  services.logins.forgive(by_email);
  services.logins.forgive(by_peer);
  co_return std::move(*user);
}

Task<Reply> sign_in(Services& services, const Request& request, bool with_expiry) {
  const store::User user = co_await verified_user(services, request);
  const auto config = services.config.get();
  const auto life = std::chrono::seconds(static_cast<std::int64_t>(config->auth.session_hours * 3600));
  const auth::Authenticator::SignedIn made = services.authenticator.make_session(user, life);
  auto insert = [session = made.session](sqlite::Tx& tx) { store::insert_session(tx, session); };
  co_await services.store.write(std::move(insert));
  audit(services, actor_of(request), "session.created", user.email);
  json::object out{{"user", user_view(user)}, {"token", made.jwt}};
  if (with_expiry) out["expiresAt"] = iso_time(made.session.expires_at);
  Reply reply = Reply::of(out);
  reply.headers.emplace_back("Set-Cookie", set_cookie(*config, made.cookie, life.count()));
  co_return reply;
}

Task<Reply> sign_out(Services& services, const Request& request) {
  if (request.caller->proof == auth::Caller::Proof::key)
    throw Fault(FaultKind::conflict, "no_session", "an API key has no session; DELETE /api-keys/{id} revokes it");
  auto job = [id = request.caller->proof_id](sqlite::Tx& tx) { return store::delete_session(tx, id); };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "session.ended", request.caller->email);
  Reply reply = Reply::success();
  reply.headers.emplace_back("Set-Cookie", set_cookie(*services.config.get(), "", 0));
  co_return reply;
}

Task<store::User> own_row(Services& services, const Request& request) {
  auto find = [id = request.caller->user_id](sqlite::Db& db) { return store::find_user(db, id); };
  const auto user = co_await services.store.read(std::move(find));
  if (!user) throw missing("user", request.caller->user_id);
  co_return *user;
}

}  // namespace

Task<Reply> login(Services& services, const Request& request) { return sign_in(services, request, false); }
Task<Reply> create_session(Services& services, const Request& request) { return sign_in(services, request, true); }
Task<Reply> logout(Services& services, const Request& request) { return sign_out(services, request); }
Task<Reply> delete_session(Services& services, const Request& request) { return sign_out(services, request); }

Task<Reply> get_session(Services& services, const Request& request) {
  const store::User user = co_await own_row(services, request);
  auto find = [id = request.caller->proof_id](sqlite::Db& db) { return store::find_session(db, id); };
  const auto session = co_await services.store.read(std::move(find));
  json::object out{{"user", user_view(user)}, {"expiresAt", nullptr}};
  if (session) out["expiresAt"] = iso_time(session->expires_at);
  co_return Reply::of(out);
}

Task<Reply> get_me(Services& services, const Request& request) {
  const store::User user = co_await own_row(services, request);
  co_return Reply::of(user_view(user));
}

}  // namespace qflow::api
