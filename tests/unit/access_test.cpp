// Secrets, tokens, limits and the rules for hosts: what stands between a stranger and the rest.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "daemon/api/application.hpp"
#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/jwt.hpp"
#include "daemon/auth/limits.hpp"
#include "daemon/auth/secrets.hpp"
#include "daemon/fault.hpp"
#include "tests/support/process.hpp"

using namespace qflow;

TEST_CASE("passwords are hashed with Argon2id, each with a salt") {
  const std::string hash = auth::hash_password("Correct1horse");
  CHECK(hash.starts_with("$argon2id$"));
  CHECK(hash != auth::hash_password("Correct1horse"));
  CHECK(auth::verify_password(hash, "Correct1horse"));
  CHECK_FALSE(auth::verify_password(hash, "correct1horse"));
  CHECK_FALSE(auth::verify_password("", "Correct1horse"));
  CHECK_FALSE(auth::verify_password("nonsense", "nonsense"));
  for (const char* weak : {"Short1", "nodigitsHere", "nocapital1", ""})
    CHECK_THROWS_AS(auth::check_password_rules(weak), Fault);
  CHECK_THROWS_AS(auth::check_password_rules("A1" + std::string(63, 'x')), Fault);
  CHECK_NOTHROW(auth::check_password_rules("Long1enough"));
}

TEST_CASE("the key is made once, is private, and others are derived from it") {
  const test::TempDir directory;
  const std::string path = directory.path() + "/secret.key";
  const auth::MasterKey key(path);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  CHECK(auth::MasterKey(path).derive("jwt-sign") == key.derive("jwt-sign"));
  CHECK(key.derive("jwt-sign") != key.derive("credents"));
  ::chmod(path.c_str(), 0644);
  CHECK_THROWS_AS(auth::MasterKey{path}, Fault);
  ::chmod(path.c_str(), 0600);
  std::ofstream(path) << "too short\n";
  CHECK_THROWS_AS(auth::MasterKey{path}, Fault);
}

TEST_CASE("what is sealed opens with its key and in its place only") {
  auth::MasterKey::Key key{}, other{};
  other[0] = 1;
  const std::string sealed = auth::seal(key, "secret", "row-1");
  CHECK(sealed.find("secret") == std::string::npos);
  CHECK(sealed != auth::seal(key, "secret", "row-1"));
  CHECK(auth::unseal(key, sealed, "row-1") == "secret");
  CHECK_FALSE(auth::unseal(key, sealed, "row-2"));
  CHECK_FALSE(auth::unseal(other, sealed, "row-1"));
  std::string changed = sealed;
  changed[40] = changed[40] == 'A' ? 'B' : 'A';
  CHECK_FALSE(auth::unseal(key, changed, "row-1"));
  CHECK_FALSE(auth::unseal(key, "", "row-1"));
  CHECK_FALSE(auth::unseal(key, "!!!!", "row-1"));
}

TEST_CASE("tokens are taken only when we signed them, with HS256, and they have not expired") {
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

TEST_CASE("what a key reaches") {
  auth::Caller caller;
  caller.proof = auth::Caller::Proof::key;
  const auto reaches = [&](std::vector<std::string> scopes, const char* scope) {
    caller.scopes = std::move(scopes);
    return caller.reaches(scope);
  };
  CHECK(reaches({"*"}, "workflows:write"));
  CHECK(reaches({"workflows:*"}, "workflows:write"));
  CHECK(reaches({"*:read"}, "workflows:read"));
  CHECK(reaches({"workflows:read"}, "workflows:read"));
  CHECK_FALSE(reaches({"workflows:read"}, "workflows:write"));
  CHECK_FALSE(reaches({"*:read"}, "workflows:write"));
  CHECK_FALSE(reaches({"work:*"}, "workflows:read"));
  CHECK_FALSE(reaches({}, "workflows:read"));
  caller.proof = auth::Caller::Proof::bearer;
  CHECK(reaches({}, "workflows:write"));
}

TEST_CASE("calls are counted by client and class") {
  auth::RateLimiter limiter;
  limiter.set({3, 1, 0, 0});
  for (const std::uint64_t left : {2U, 1U, 0U}) {
    const auto verdict = limiter.take("a", http::Rate::standard, true);
    CHECK(verdict.allowed);
    CHECK(verdict.remaining == left);
  }
  const auto refused = limiter.take("a", http::Rate::standard, true);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.limit == 3);
  CHECK(refused.reset.count() > 3590);
  CHECK(limiter.take("b", http::Rate::standard, true).allowed);
  CHECK(limiter.take("a", http::Rate::executions, true).allowed);
  CHECK_FALSE(limiter.take("a", http::Rate::executions, true).allowed);
  CHECK(limiter.take("a", http::Rate::containers, true).limit == 0);
  CHECK(limiter.take("a", http::Rate::none, true).allowed);
}

TEST_CASE("made-up addresses push out each other, not those who are known") {
  auth::RateLimiter limiter;
  limiter.set({1, 0, 0, 0});
  CHECK(limiter.take("user", http::Rate::standard, true).allowed);
  for (int i = 0; i < 150'000; ++i) CHECK(limiter.take(std::to_string(i), http::Rate::standard, false).allowed);
  CHECK_FALSE(limiter.take("user", http::Rate::standard, true).allowed);
  CHECK(limiter.take("another", http::Rate::standard, true).allowed);
}

TEST_CASE("guessing passwords gets slower") {
  auth::LoginThrottle throttle;
  for (int i = 0; i < 4; ++i) throttle.failed("a");
  CHECK(throttle.wait("a").count() == 0);
  throttle.failed("a");
  CHECK(throttle.wait("a").count() == 1);
  for (int i = 0; i < 4; ++i) throttle.failed("a");
  CHECK(throttle.wait("a").count() >= 15);
  CHECK(throttle.wait("b").count() == 0);
  throttle.succeeded("a");
  CHECK(throttle.wait("a").count() == 0);
}

TEST_CASE("only names that are ours are served") {
  config::Server server;
  server.hosts = {"flows.example"};
  for (const char* ours :
       {"localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", "flows.example:443"})
    CHECK_MESSAGE(api::is_our_host(ours, server), ours);
  for (const char* other :
       {"evil.example", "evil.example:8000", "localhost.evil.example", "", "127.0.0.1.evil.example", "["})
    CHECK_FALSE_MESSAGE(api::is_our_host(other, server), other);
}
