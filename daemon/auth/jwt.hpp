// JSON Web Tokens of sessions: HS256 and nothing else, made and checked by libjwt. A token names its session and ends
// with it. Any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/auth/secrets.hpp"

namespace qflow::auth {

/// The contents of a token. `expires_at` in seconds since 1970.
struct Claims {
  std::string session_id, user_id;
  std::int64_t expires_at = 0;
};

std::string make_jwt(const MasterKey::Key& key, const Claims& claims);
/// Nothing unless it was signed with this key by HS256 (RFC 8725 3.1: the algorithm is ours to name, not the token's),
/// was issued by us, and has not expired at `now` (seconds).
std::optional<Claims> read_jwt(const MasterKey::Key& key, const std::string& token, std::int64_t now);

}  // namespace qflow::auth
