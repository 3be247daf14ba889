#include "daemon/services/sign_in.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/text.hpp"

namespace qflow::services {
namespace {

Fault too_soon(std::chrono::seconds wait) {
  return {FaultKind::too_many,
          "too_many_attempts",
          fmt::format("too many failed sign-ins; the next attempt is possible in {} s", wait.count()),
          {{"retry_after", wait.count()}}};
}

Task<store::User> verified_user(Services& services, const Actor& actor, std::string email, std::string password) {
  // Guesses at one address from one peer soon have to wait; guesses from many peers, or at many addresses, only after
  // more failures. Otherwise anybody could lock out a user, or everybody behind one proxy.
  constexpr unsigned kFreeTogether = 50;
  const std::string by_email = "e" + lower_case(email);
  const std::string by_peer = "p" + actor.peer;
  const std::string by_both = by_email + " " + actor.peer;
  const auto wait = std::max({services.logins.wait(by_both), services.logins.wait(by_email, kFreeTogether),
                              services.logins.wait(by_peer, kFreeTogether)});
  if (wait.count() > 0) throw too_soon(wait);
  // An attempt counts as failed until it succeeds, so simultaneous guesses all count.
  for (const auto& who : {by_email, by_peer, by_both}) services.logins.failed(who);
  auto find = [email](sqlite::Db& db) { return store::find_user_by_email(db, email); };
  std::optional<store::User> user = co_await services.store.read(std::move(find));
  auto verify = [hash = user ? user->password_hash : std::string(), password = std::move(password)] {
    return auth::verify_password(hash, password);
  };
  const bool right = co_await on_pool(services.slow, std::move(verify));
  if (!right || !user->is_active) {
    audit(services, actor, "session.refused", email);
    throw Fault(FaultKind::unauthorized, "wrong_credentials", "the address or the password is wrong");
  }
  services.logins.succeeded(by_both);
  services.logins.forgive(by_email);
  services.logins.forgive(by_peer);
  co_return std::move(*user);
}

}  // namespace

Task<NewSession> sign_in(Services& services, const Actor& actor, std::string email, std::string password) {
  store::User user = co_await verified_user(services, actor, std::move(email), std::move(password));
  const auto life = std::chrono::seconds(static_cast<std::int64_t>(services.config.get()->auth.session_hours * 3600));
  auth::Authenticator::SignedIn made = services.authenticator.make_session(user, life);
  auto insert = [session = made.session](sqlite::Tx& tx) { store::insert_session(tx, session); };
  co_await services.store.write(std::move(insert));
  audit(services, actor, "session.created", user.email);
  co_return NewSession{std::move(user), std::move(made), life};
}

Task<std::optional<store::Session>> session_of(Services& services, const auth::Caller& caller) {
  auto job = [id = caller.proof_id](sqlite::Db& db) { return store::find_session(db, id); };
  return services.store.read(std::move(job));
}

Task<> sign_out(Services& services, const auth::Caller& caller, const Actor& actor) {
  if (caller.proof == auth::Caller::Proof::key)
    throw Fault(FaultKind::conflict, "no_session", "an API key has no session; DELETE /api-keys/{id} revokes it");
  auto job = [id = caller.proof_id](sqlite::Tx& tx) { return store::delete_session(tx, id); };
  co_await services.store.write(std::move(job));
  audit(services, actor, "session.ended", caller.email);
}

}  // namespace qflow::services
