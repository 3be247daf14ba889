// Every program of tests/forbidden and tests/permitted, run as a node. Its docstring says what must happen:
//   must: refused           attempt() returns "refused"
//   must: value JSON        attempt() returns exactly that
//   must: outcome WORD      the execution has this outcome (outcome.hpp has the words)
//   must: ended             it does not complete
//   must: ended or completed   either, as long as the daemon goes on
//   must: differ            two executions return different values
//   level-3: as `must`      what must happen instead where a cgroup enforces the limits
//   64-bit: as `must`       what must happen instead where the kernel has no 32-bit system calls
//   denied: ACT             the record names this act
//   request: JSON           members of the request besides the code
//   after: leave            leave() runs first, as a separate execution
//   beside: leave           leave() runs at the same time, as a separate execution
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

struct NodeProgram {
  std::string name, code;
  std::map<std::string, std::string> says;
  json::object request(const char* function) const {
    json::object out;
    if (const auto at = says.find("request"); at != says.end()) out = json::parse(at->second).as_object();
    out["function"] = function;
    // On an emulated machine everything takes longer, so the time limits grow, too.
    if (const char* slower = std::getenv("QFLOW_TEST_SLOWER"); slower != nullptr) {
      if (auto* timeout = out.if_contains("timeout")) *timeout = timeout->to_number<double>() * std::atof(slower);
      if (auto* sandbox = out.if_contains("sandbox"))
        if (auto* time = sandbox->as_object().if_contains("time"))
          *time = time->to_number<double>() * std::atof(slower);
    }
    return out;
  }
};

NodeProgram read_program(const std::filesystem::path& path) {
  NodeProgram program{path.stem(), qflow::sandbox::read_file(path, 1 << 20), {}};
  const auto end = program.code.find("\"\"\"", 3);
  std::string line;
  for (std::size_t at = 3; at < end; ++at) {
    if (program.code[at] != '\n') {
      line += program.code[at];
      continue;
    }
    if (const auto colon = line.find(": "); colon != std::string::npos && line.find(' ') == colon + 1)
      program.says[line.substr(0, colon)] = line.substr(colon + 2);
    line.clear();
  }
  return program;
}

std::vector<NodeProgram> read_programs(const std::string& folder) {
  std::vector<NodeProgram> programs;
  for (const auto& entry : std::filesystem::directory_iterator(source("tests/" + folder)))
    if (entry.path().extension() == ".py") programs.push_back(read_program(entry.path()));
  std::sort(programs.begin(), programs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return programs;
}

void check_end(const NodeProgram& program, const Answer& answer) {
  const bool cgroup = std::getenv("QFLOW_TEST_LEVEL") != nullptr && program.says.count("level-3") != 0;
  const bool only_64_bit = program.says.count("64-bit") != 0 && !has_32_bit_calls();
  const std::string must = program.says.at(cgroup ? "level-3" : only_64_bit ? "64-bit" : "must");
  const std::string outcome =
      answer["outcome"].is_string() ? std::string(answer["outcome"].get_string()) : answer.body.substr(0, 500);
  if (must == "refused") {
    CHECK_MESSAGE(answer["output"] == "refused", answer.body.substr(0, 2000));
  } else if (must.starts_with("value ")) {
    CHECK_MESSAGE(answer["output"] == json::parse(must.substr(6)), answer.body.substr(0, 2000));
  } else if (must.starts_with("outcome ")) {
    CHECK_MESSAGE(outcome == must.substr(8), answer.body.substr(0, 2000));
  } else if (must == "ended") {
    CHECK_MESSAGE(outcome != "completed", answer.body.substr(0, 2000));
  } else {
    CHECK_MESSAGE(must == "ended or completed", "an unknown `must`: ", must);
    CHECK(answer.status == 200);
  }
  if (answer["denied"].is_array()) CHECK(answer["denied"].get_array().size() <= 16);
  if (const auto wanted = program.says.find("denied"); wanted != program.says.end()) {
    bool named = false;
    if (answer["denied"].is_array())
      for (const auto& one : answer["denied"].get_array()) named = named || one.at("act").as_string() == wanted->second;
    CHECK_MESSAGE(named, wanted->second, " is not among ", json::serialize(answer["denied"]));
  }
}

void run_one(Daemon& daemon, const NodeProgram& program) {
  CAPTURE(program.name);
  REQUIRE(program.says.count("must") == 1);
  if (program.says.at("must") == "differ") {
    const Answer first = daemon.node(program.code, nullptr, program.request("attempt"));
    const Answer second = daemon.node(program.code, nullptr, program.request("attempt"));
    REQUIRE_MESSAGE(first["output"].is_array(), first.body);
    for (std::size_t i = 0; i < first["output"].get_array().size(); ++i)
      CHECK(first["output"].get_array()[i] != second["output"].get_array()[i]);
    return;
  }
  std::thread beside;
  Answer left;
  if (program.says.count("after") != 0) left = daemon.node(program.code, nullptr, program.request("leave"));
  if (program.says.count("beside") != 0) {
    // A separate connection: each carries one request at a time.
    beside = std::thread([&] { left = daemon.apart().node(program.code, nullptr, program.request("leave")); });
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
  check_end(program, daemon.node(program.code, nullptr, program.request("attempt")));
  if (beside.joinable()) beside.join();
  if (program.says.count("after") + program.says.count("beside") != 0)
    CHECK_MESSAGE(left["outcome"] == "completed", left.body);
}

void run_all(Daemon& daemon, const std::vector<NodeProgram>& programs) {
  for (const NodeProgram& program : programs) run_one(daemon, program);
  CHECK(daemon.node("def f(): return 7")["output"] == 7);
}

}  // namespace

TEST_CASE("forbidden acts are refused, and named") {
  const std::vector<NodeProgram> programs = read_programs("forbidden");
  CHECK(programs.size() >= 80);
  std::set<std::string> classes;
  for (const NodeProgram& program : programs) classes.insert(program.name.substr(0, program.name.find('_')));
  CHECK(classes == std::set<std::string>{"api", "exhaust", "file", "kernel", "leak", "network", "process", "protocol"});
  // What is forbidden even where the network or programs are granted needs them granted.
  std::vector<NodeProgram> closed, granted;
  for (const NodeProgram& program : programs) {
    const auto request = program.says.find("request");
    const bool asks =
        request != program.says.end() && (request->second.find("\"host\"") != std::string::npos ||
                                          request->second.find("\"programs\": true") != std::string::npos);
    (asks ? granted : closed).push_back(program);
  }
  Daemon daemon({"--timeout", "20"});
  run_all(daemon, closed);
  Daemon generous({"--timeout", "20", "--allow-network", "--allow-programs"});
  run_all(generous, granted);
}

TEST_CASE("honest programs work") {
  const std::vector<NodeProgram> programs = read_programs("permitted");
  CHECK(programs.size() >= 30);
  Daemon daemon({"--timeout", "20", "--cpu", "2", "--allow-programs", "--allow-network"});
  run_all(daemon, programs);
}
