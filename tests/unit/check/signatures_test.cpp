#include <doctest/doctest.h>

#include "daemon/check/signatures.hpp"

using namespace qflow;

TEST_CASE("the key of signatures is the whole plan") {
  check::Signatures signatures;
  flow::Plan plan;
  plan.steps.resize(2);
  plan.steps[0].node.code = "ab";
  plan.steps[1].node.code = "c";
  const std::string key = check::Signatures::key_of(plan);
  plan.steps[0].node.code = "a";
  plan.steps[1].node.code = "bc";
  CHECK(check::Signatures::key_of(plan) != key);
  CHECK(signatures.find(key) == nullptr);
  check::Signatures::Known two;
  two.functions.resize(2);
  signatures.remember(key, two);
  CHECK(signatures.find(key)->functions.size() == 2);
  for (int i = 0; i < 1000; ++i) signatures.remember(std::to_string(i), {});
  CHECK(signatures.find(key) == nullptr);
  CHECK(signatures.find("999") != nullptr);
}
