#include <doctest/doctest.h>

#include "daemon/engine/kept_text.hpp"

using namespace qflow;

TEST_CASE("a worker's texts are bounded, one and all, and a cut shows") {
  engine::KeptText kept;
  CHECK(kept.keep("short") == "short");
  const std::string cut = kept.keep(std::string(100'000, 'x'));
  CHECK(cut.size() == (64U << 10U) + 3);
  CHECK(cut.ends_with("…"));
  std::size_t all = 0;
  for (int i = 0; i < 1000; ++i) all += kept.keep(std::string(60'000, 'x')).size();
  CHECK(all < (8U << 20U) + 5000);
}

TEST_CASE("output is bounded by step and by execution, and the rest is counted") {
  engine::KeptText kept;
  workers::Captured whole;
  kept.keep_output(whole, {std::string(700, 'a'), 0, {}}, 1000);
  kept.keep_output(whole, {std::string(700, 'b'), 5, {}}, 1000);
  CHECK(whole.text.size() == 1000);
  CHECK(whole.dropped == 405);
  std::size_t all = 0;
  for (int i = 0; i < 100; ++i) {
    workers::Captured step;
    kept.keep_output(step, {std::string(1U << 20U, 'c'), 0, {}}, 1U << 20U);
    all += step.text.size();
  }
  CHECK(all + 1000 == 32U << 20U);
}
