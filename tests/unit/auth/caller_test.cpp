#include <doctest/doctest.h>

#include "daemon/auth/caller.hpp"

using namespace qflow;

TEST_CASE("a key reaches its scopes") {
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
