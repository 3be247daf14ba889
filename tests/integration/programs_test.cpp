// Every program of tests/forbidden and tests/permitted, run as a node. A forbidden one returns "refused" when the
// sandbox held; a permitted one returns "ok" when it was let do its work.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

void run_all(const std::string& folder, const char* wanted) {
  Daemon daemon({"--timeout", "20"});
  std::vector<std::filesystem::path> programs;
  for (const auto& entry : std::filesystem::directory_iterator(source("tests/" + folder)))
    if (entry.path().extension() == ".py") programs.push_back(entry.path());
  std::sort(programs.begin(), programs.end());
  CHECK(programs.size() >= 8);
  for (const auto& program : programs) {
    CAPTURE(program.filename().string());
    const Answer answer = daemon.node(qflow::sandbox::read_file(program, 1 << 20), nullptr, {{"function", "attempt"}});
    CHECK_MESSAGE(answer["output"] == wanted, answer.body);
  }
  CHECK(daemon.node("def f(): return 7")["output"] == 7);
}

}  // namespace

TEST_CASE("forbidden acts are refused") { run_all("forbidden", "refused"); }
TEST_CASE("honest programs work") { run_all("permitted", "ok"); }
