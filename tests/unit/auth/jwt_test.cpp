#include <doctest/doctest.h>

#include "daemon/auth/jwt.hpp"
#include "daemon/auth/secrets.hpp"

using namespace qflow;

TEST_CASE("tokens are accepted only if we signed them with HS256 and they have not expired") {
  auth::MasterKey::Key key{}, other{};
  key[0] = 7;
  const std::string token = auth::make_jwt(key, {"session", "user", 1000});
  const auto claims = auth::read_jwt(key, token, 999);
  REQUIRE(claims);
  CHECK(claims->session_id == "session");
  CHECK(claims->user_id == "user");
  CHECK_FALSE(auth::read_jwt(key, token, 1000));
  CHECK_FALSE(auth::read_jwt(other, token, 999));
  CHECK_FALSE(auth::read_jwt(key, token.substr(0, token.rfind('.') + 1), 999));
  CHECK_FALSE(auth::read_jwt(key, token + "A", 999));
  // {"alg":"none","typ":"JWT"} and {"iss":"qflow","sid":"session","sub":"user","exp":9999999999}, without a signature.
  CHECK_FALSE(auth::read_jwt(key,
                             "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
                             "eyJpc3MiOiJxZmxvdyIsInNpZCI6InNlc3Npb24iLCJzdWIiOiJ1c2VyIiwiZXhwIjo5OTk5OTk5OTk5fQ.",
                             999));
  for (const char* bad : {"", ".", "..", "a.b.c", "eyJ"}) CHECK_FALSE(auth::read_jwt(key, bad, 999));
}
