#include <doctest/doctest.h>

#include "sandbox/policy.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/syscalls.hpp"

using namespace qflow::sandbox;

TEST_CASE("a policy survives the round trip through its text") {
  Policy policy;
  policy.mounts = {{"/usr/lib/python3.11", false}, {"/opt/with space", true}};
  policy.limits.memory = 123456789;
  policy.programs = true;
  policy.layers = kWithoutNamespaces;
  CHECK(policy_from_text(to_text(policy)) == policy);
}

TEST_CASE("a wrong policy text is refused by its line") {
  CHECK_THROWS_WITH(policy_from_text("memory x\n"), "policy line \"memory x\": not a number in range");
  CHECK_THROWS_WITH(policy_from_text("colour 3\n"), "policy line \"colour 3\": unknown key");
  CHECK_THROWS_WITH(policy_from_text("memory\n"), "policy line \"memory\": no value");
  CHECK_THROWS_WITH(policy_from_text("host_uid 0\n"), "policy host_uid 0: a sandbox is never mapped to root");
  Policy policy;
  policy.mounts = {{"/a\nmemory 1", false}};
  CHECK_THROWS(to_text(policy));
}

TEST_CASE("the filters compile, and allowing programs adds to the zygote's") {
  Policy policy;
  const auto closed = compile_zygote_filter(policy);
  CHECK(closed.size() > 50);
  CHECK(closed.size() < 4096);                        // BPF_MAXINSNS
  CHECK(compile_worker_filter(policy).size() < 256);  // jumps are one byte
  policy.programs = true;
  CHECK(compile_zygote_filter(policy).size() != closed.size());
}

TEST_CASE("a worker's own limits are never above the policy's") {
  const Limits allowed;
  Limits asked = allowed;
  CHECK(above(asked, allowed).empty());
  asked.tmp /= 2;
  CHECK(above(asked, allowed).empty());
  CHECK(limits_from_text(to_text(asked), allowed) == asked);
  asked.memory *= 2;
  CHECK(above(asked, allowed) == "memory 1073741824 is above 536870912");
  CHECK_THROWS_WITH(limits_from_text("host_uid 0\n", allowed), "policy line \"host_uid 0\": unknown key");
}

TEST_CASE("a policy is described in full, system calls included") {
  Policy policy;
  const std::string rules = describe_rules(policy);
  for (const char* part : {"denied, with a named event", " socket", " io_uring_setup", "everything else is refused"})
    CHECK(rules.find(part) != std::string::npos);
  CHECK(rules.find(" execve") == std::string::npos);
  policy.programs = true;
  policy.network = Network::host;
  CHECK(describe_rules(policy).find(" execve") != std::string::npos);
  CHECK(describe_rules(policy).find(" connect") != std::string::npos);
  CHECK(policy_from_text(to_text(policy)) == policy);
  CHECK_THROWS_WITH(policy_from_text("network all\n"), "policy line \"network all\": expected none or host");
}
