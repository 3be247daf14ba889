// The examples, run by the lines of packaging/examples/README.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

// The page's command that mentions `part`.
std::string line_with(const std::string& part) {
  std::istringstream page(qflow::sandbox::read_file(source("packaging/examples/README.md"), 100'000));
  for (std::string line; std::getline(page, line);)
    if (line.starts_with("    ") && has(line, part)) return line.substr(4);
  FAIL("no line of the page has ", part);
  return {};
}

// Runs a line of the page in a shell, in a copy of the tree's examples, with `qflow` in the path.
Finished as_written(const Cli& cli, const std::string& line, std::map<std::string, std::string> environment = {}) {
  const std::string root = cli.directory.path() + "/tree";
  if (!std::filesystem::exists(root)) {
    std::filesystem::create_directories(root + "/packaging");
    std::filesystem::copy(source("packaging/examples"), root + "/packaging/examples",
                          std::filesystem::copy_options::recursive);
  }
  Program::Options options;
  options.environment = std::move(environment);
  options.environment["PATH"] = bin("") + ":/usr/bin:/bin";
  options.environment.try_emplace("QFLOW_DATA_DIR", cli.directory.path() + "/data");
  return run({"/bin/sh", "-c", "cd '" + root + "' && " + line}, options, std::chrono::seconds(120));
}

}  // namespace

TEST_CASE("gpl3: branches that join, a file handed over") {
  const Cli cli;
  const Finished done = as_written(cli, line_with("gpl3/flow.json"));
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(has(done.out, ".html"));
}

TEST_CASE("sales: a table with pandas, and a chart") {
  const Cli cli;
  if (!json::parse(cli({"run",
                        cli.flow(chain({node("a",
                                             "import importlib.util\ndef a(): return "
                                             "importlib.util.find_spec('pandas') is not None")})),
                        "--json"})
                       .out)
           .at("outputs")
           .at("a")
           .as_bool()) {
    MESSAGE("skipped: pandas is not installed here");
    return;
  }
  const Finished done = as_written(cli, line_with("sales/flow.json"));
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(has(done.err, "90 sales of 4 products"));
  CHECK(has(done.out, "best = {\"mate\":3589.0,\"coffee\":2842.8,\"tea\":2830.5}"));
  const auto at = done.out.find("file  ");
  REQUIRE(at != std::string::npos);
  const std::string chart = done.out.substr(at + 6, done.out.find('\n', at) - at - 6);
  const std::string picture = qflow::sandbox::read_file(chart, 1'000'000);
  CHECK(picture.starts_with("<svg "));
  CHECK(std::count(picture.begin(), picture.end(), '#') >= 12 * 3);
}

TEST_CASE("letters: inputs from files, a module beside the flow, files put where they are wanted") {
  const Cli cli;
  const Finished done = as_written(cli, line_with("letters"));
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(has(done.err, "3 letters"));
  const std::string directory = cli.directory.path() + "/tree/packaging/examples/letters/letters";
  CHECK(has(qflow::sandbox::read_file(directory + "/grace-hopper.txt", 1000),
            "Dear Grace Hopper,\n\nyou have been with us in New York for 14 years."));
  CHECK(std::distance(std::filesystem::directory_iterator(directory), {}) == 3);
}

TEST_CASE("client: a session over HTTP") {
  Daemon daemon;
  const Cli cli;
  std::string line = line_with("client/session.py");
  const std::string address = "http://127.0.0.1:8000";
  line.replace(line.find(address), address.size(), "http://127.0.0.1:" + std::to_string(daemon.port()));
  const Finished done = as_written(cli, line, {{"QFLOW_DATA_DIR", daemon.directory()->path() + "/data"}});
  CHECK_MESSAGE(done.code == 0, done.err);
  for (const std::string said :
       {"server: healthy", "status: completed", "counts: {\"to\": 2, \"be\": 2, \"or\": 1, \"not\": 1}",
        "printed: 4 different words", "file counts.csv: ['to,2', 'be,2', 'or,1', 'not,1']", "tried: 42",
        "refused (422): node \"split\": the value for input 'text', which takes str"})
    CHECK_MESSAGE(has(done.out, said), said, " is not in ", done.out);
  CHECK(daemon.get("/workflows")["count"] == 0);
}
