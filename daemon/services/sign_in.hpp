// Signing in with a password, and out. Guesses have to wait; both are audited. Io threads.
#pragma once
#include <optional>
#include <string>

#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"

namespace qflow::services {

/// A session that has just begun. Its proofs are shown once.
struct NewSession {
  store::User user;
  auth::Authenticator::SignedIn proofs;
  std::chrono::seconds life;
};

/// Throws Fault: unauthorized, with the same message whatever was wrong; too_many after several wrong guesses.
Task<NewSession> sign_in(Services& services, const Actor& actor, std::string email, std::string password);
/// The caller's session; nothing for a caller with a key.
Task<std::optional<store::Session>> session_of(Services& services, const auth::Caller& caller);
/// Ends the caller's session. Throws Fault(conflict) for an API key, which has none.
Task<> sign_out(Services& services, const auth::Caller& caller, const Actor& actor);

}  // namespace qflow::services
