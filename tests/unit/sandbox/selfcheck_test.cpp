#include <doctest/doctest.h>

#include "sandbox/policy.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"

using namespace qflow::sandbox;

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
