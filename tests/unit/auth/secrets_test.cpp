#include <doctest/doctest.h>

#include <sys/stat.h>
#include <fstream>

#include "daemon/auth/secrets.hpp"
#include "daemon/base/fault.hpp"
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

TEST_CASE("sealed data opens only with its key and in its place") {
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
