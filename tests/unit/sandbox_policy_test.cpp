#include <doctest/doctest.h>

#include "sandbox/policy.hpp"
#include "sandbox/probe.hpp"
#include "sandbox/denied.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/syscalls.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"

#include <unistd.h>

using namespace qflow::sandbox;

TEST_CASE("a policy survives the way through its text") {
  Policy policy;
  policy.mounts = {{"/usr/lib/python3.11", false}, {"/opt/with space", true}};
  policy.limits.memory = 123456789;
  policy.programs = true;
  policy.layers = kWithoutNamespaces;
  CHECK(policy_from_text(to_text(policy)) == policy);
}

TEST_CASE("a policy text with something wrong is refused by its line") {
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

TEST_CASE("limits of a worker's own are never above the policy's") {
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

TEST_CASE("a policy says everything in words, system calls included") {
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

TEST_CASE("a report of a denied call is read back, and nothing else is") {
  DeniedCall call;
  CHECK(parse_denial("00000029:0000000000000002:0000000000000001\n", call));
  CHECK(call == DeniedCall{41, {2, 1}});
  for (const char* bad : {"", "00000029", "00000029:2:1\n", "0000002X:0000000000000002:0000000000000001\n",
                          "00000029:0000000000000002:0000000000000001x"})
    CHECK_FALSE(parse_denial(bad, call));
  const Denial denial = explain({41, {2, 1}});
#ifdef __x86_64__
  CHECK(denial.act == "socket(AF_INET)");
  CHECK(denial.reason == "network is off for this node");
  CHECK(denial.setting == "sandbox.network");
#endif
  CHECK(explain({-5, {0, 0}}).act == "system call -5");
  CHECK(explain({99999, {0, 0}}).reason == "this part of the kernel is closed to nodes");
}

TEST_CASE("an unprotected process fails the self-check, from inside and from outside") {
  Policy policy;
  const std::uint32_t missing = expected_checks(policy) & ~run_checks();
  CHECK((missing & static_cast<std::uint32_t>(Check::seccomp)) != 0);
  CHECK((missing & static_cast<std::uint32_t>(Check::own_pid_namespace)) != 0);
  CHECK((missing & static_cast<std::uint32_t>(Check::host_file_closed)) != 0);
  CHECK(check_names(missing).find("seccomp") != std::string::npos);
  const std::string outside = inspect_from_outside(read_file("/proc/self/status", 8192), policy);
  CHECK(outside.find("Seccomp is \"0\"") != std::string::npos);
  CHECK(outside.find("NSpid") != std::string::npos);
}

TEST_CASE("the probe tells each mechanism with a remedy for what is missing") {
  const HostReport report = probe_host(Policy{}.host_uid);
  CHECK(report.findings.size() >= 11);
  CHECK(report.level >= 0);
  CHECK(report.level <= 3);
  for (const Finding& finding : report.findings) CHECK(finding.available == finding.remedy.empty());
}

TEST_CASE("descriptors go along with the bytes they were sent with") {
  auto [a, b] = socket_pair();
  auto [read_end, write_end] = make_pipe();
  const int fds[] = {write_end.get()};
  send_with_fds(a.get(), "hello", fds);
  Received got = receive_with_fds(b.get(), 100, 3);
  CHECK(got.bytes == "hello");
  REQUIRE(got.fds.size() == 1);
  CHECK(write_all(got.fds[0].get(), "x"));
  char c = 0;
  CHECK(::read(read_end.get(), &c, 1) == 1);
  CHECK(c == 'x');
}

TEST_CASE("a failed call says which and with what") {
  CHECK_THROWS_WITH(open_file("/nonexistent/file", 0), "open(\"/nonexistent/file\", 0x0): No such file or directory");
}
