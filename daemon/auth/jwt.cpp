#include "daemon/auth/jwt.hpp"

#include <jwt.h>

#include <cstdlib>
#include <memory>

#include "daemon/base/fault.hpp"

namespace qflow::auth {
namespace {

constexpr const char* kIssuer = "qflow";

struct FreeJwt {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using Jwt = std::unique_ptr<jwt_t, FreeJwt>;

std::string grant(jwt_t* jwt, const char* name) {
  const char* text = jwt_get_grant(jwt, name);
  return text == nullptr ? "" : text;
}

}  // namespace

std::string make_jwt(const MasterKey::Key& key, const Claims& claims) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) throw Fault(FaultKind::internal, "jwt", "a token could not be made");
  const Jwt jwt(raw);
  jwt_add_grant(raw, "iss", kIssuer);
  jwt_add_grant(raw, "sub", claims.user_id.c_str());
  jwt_add_grant(raw, "sid", claims.session_id.c_str());
  jwt_add_grant_int(raw, "exp", claims.expires_at);
  jwt_set_alg(raw, JWT_ALG_HS256, key.data(), static_cast<int>(key.size()));
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> text(jwt_encode_str(raw));
  if (!text) throw Fault(FaultKind::internal, "jwt", "a token could not be signed");
  return text.get();
}

std::optional<Claims> read_jwt(const MasterKey::Key& key, const std::string& token, std::int64_t now) {
  constexpr std::size_t kLongest = 2048;
  if (token.size() > kLongest) return std::nullopt;
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, token.c_str(), key.data(), static_cast<int>(key.size())) != 0) return std::nullopt;
  const Jwt jwt(raw);
  if (jwt_get_alg(raw) != JWT_ALG_HS256 || grant(raw, "iss") != kIssuer) return std::nullopt;
  Claims claims{grant(raw, "sid"), grant(raw, "sub"), jwt_get_grant_int(raw, "exp")};
  if (claims.session_id.empty() || claims.expires_at <= now) return std::nullopt;
  return claims;
}

}  // namespace qflow::auth
