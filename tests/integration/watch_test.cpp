// qflow run --watch: it runs again when a file changes, and says what came out differently.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {
constexpr auto kPatience = std::chrono::seconds(30);
}

TEST_CASE("--watch runs again when code, a module or an input changes, also one that was missing or broken") {
  const Cli cli;
  const TempDir& place = cli.directory;
  place.file("a.py", "import helpers\ndef a(text: str): return helpers.number() + len(text)\n");
  place.file("in.txt", "abc");
  const std::string flow = place.file("flow.json", R"({"nodes": [{"id": "a", "file": "a.py"}]})");
  Program::Options options;
  options.environment["QFLOW_DATA_DIR"] = place.path() + "/data";
  Program watching({bin("qflow"), "run", flow, "-i", "text=@" + place.path() + "/in.txt", "--watch"}, options);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // it fails: there is no module helpers yet
  place.file("helpers.py", "def number(): return 40\n");
  CHECK(watching.line(kPatience) == "a = 43");
  place.file("helpers.py", "def number(): return 50\n");
  CHECK(watching.line(kPatience) == "a = 53");
  place.file("in.txt", "ab");
  CHECK(watching.line(kPatience) == "a = 52");
  place.file("flow.json", R"({"nodes": [{"id": "a", "file": "a.py"})");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  place.file("flow.json", R"({"nodes": [{"id": "a", "file": "a.py", "name": "A"}]})");
  CHECK(watching.line(kPatience) == "A = 52");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  watching.signal(SIGINT);
  const Finished done = watching.wait(kPatience);
  CHECK(done.code != 0);
  CHECK_MESSAGE(has(done.err, "\nhelpers.py changed\n"), done.err);
  CHECK(has(done.err, "changed  a: ModuleNotFoundError: "));
  CHECK(has(done.err, "changed  a: 43 → 53\n"));
  CHECK(has(done.err, "in.txt changed\n"));
  CHECK(has(done.err, "changed  a: 53 → 52\n"));
  CHECK(has(done.err, "qflow: workflow " + flow + " is not JSON"));
  CHECK(has(done.err, "The outcome is as before.\n"));
  CHECK(has(done.err, "; Ctrl-C ends."));
}

TEST_CASE("--watch needs a file") {
  const Cli cli;
  const Finished refused = cli({"run", "-", "--watch"});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "--watch needs the flow in a file"));
}
