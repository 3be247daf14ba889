#include <doctest/doctest.h>

#include "sandbox/policy.hpp"
#include "sandbox/probe.hpp"

using namespace qflow::sandbox;

TEST_CASE("the probe reports each mechanism, with a remedy if it is missing") {
  const HostReport report = probe_host(Policy{}.host_uid);
  CHECK(report.findings.size() >= 11);
  CHECK(report.level >= 0);
  CHECK(report.level <= 3);
  for (const HostFinding& finding : report.findings) CHECK(finding.available == finding.remedy.empty());
}
