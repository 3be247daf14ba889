// The daemon against a hostile pyhost (tests/hostile): whatever a worker or a zygote sends, only that execution ends,
// in bounded time and memory.
#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "tests/support/http.hpp"

using namespace qflow::test;

namespace {

using Clock = std::chrono::steady_clock;

struct Act {
  const char* name;
  const char* outcome;  ///< of the execution; empty: any, as long as it ends
};

// Broken frames and contents end as protocol_violation, silence as timed_out.
constexpr Act kWorkerActs[] = {
    {"behaves", "completed"},
    {"length zero", "protocol_violation"},
    {"length below the header", "protocol_violation"},
    {"length of four gigabytes", "protocol_violation"},
    {"length just above the limit", "protocol_violation"},
    {"meta beyond the frame", "protocol_violation"},
    {"half a header, then the end", "crashed"},
    {"half a frame, then the end", "crashed"},
    {"half a frame, then nothing", "timed_out"},
    {"one byte at a time", "timed_out"},
    {"a kind of zero", "protocol_violation"},
    {"a kind with upper bytes", "protocol_violation"},
    {"meta that is not JSON", "protocol_violation"},
    {"meta that is not an object", "protocol_violation"},
    {"meta nested a million deep", "protocol_violation"},
    {"meta with NUL bytes and bad UTF-8", "protocol_violation"},
    {"members of other types", "protocol_violation"},
    {"numbers beyond 64 bits", "protocol_violation"},
    {"a result before its module", "protocol_violation"},
    {"its module twice", "protocol_violation"},
    {"hello again", "protocol_violation"},
    {"an answer under another id", "protocol_violation"},
    {"a chunk that nobody asked for", "protocol_violation"},
    {"skipping without a reason", "protocol_violation"},
    {"a zygote's frame", "protocol_violation"},
    {"a function that is not in its list", "protocol_violation"},
    {"twenty thousand functions", "protocol_violation"},
    {"a function of a hundred thousand parameters", "protocol_violation"},
    {"a preview larger than asked for", "protocol_violation"},
    {"a preview of the wrong shape", "protocol_violation"},
    {"a preview of millions of elements", "protocol_violation"},
    {"a message of fifteen megabytes", "raised"},
    {"impossible resource usage", "completed"},
    {"sixty thousand files", ""},
    {"a file without an end", "output_limit"},
    {"a file of empty pieces", "protocol_violation"},
    {"frames without end", "protocol_violation"},
    {"a note of nobody's call", "protocol_violation"},
    {"notes that say nothing", "protocol_violation"},
    {"progress beyond its end", "protocol_violation"},
    {"something to show that is no text", "protocol_violation"},
    {"a change of the state that is none", "protocol_violation"},
    {"notes without end", "protocol_violation"},
    {"large frames without end", "protocol_violation"},
    {"output marks without end", "completed"},
    {"denials without end", "completed"},
    {"descriptors that nobody asked for", ""},
    {"a file as memory that shrinks", "completed"},
    {"never answering", "timed_out"},
    {"never reading, never answering", "timed_out"},
    {"closing at once", "crashed"},
    {"stopping itself", "timed_out"},
};

// An act of a zygote, and whether its workers can still serve.
constexpr std::pair<const char*, bool> kZygoteActs[] = {
    {"ready-garbage", false},
    {"ready-of-another-protocol", false},
    {"refuses-at-length", false},
    {"large-frame", false},
    {"ends-at-once", false},
    {"worker-frames", false},
    {"no-walls", false},
    {"hello-without-checks", false},
    {"hello-garbage", false},
    {"hello-of-another-protocol", false},
    {"refuses-workers", false},
    {"keeps-descriptors", false},
    {"ready-with-many-modules", true},
    {"ready-twice", true},
    {"strangers", true},
};

/// A directory with the real pyhost as 3.11 and the hostile one as 3.9, named after its act.
std::string pyhosts(const TempDir& directory, const std::string& act) {
  const std::string path = directory.path() + "/" + act;
  std::filesystem::create_directory(path);
  std::filesystem::create_symlink(bin("pyhost-3.11"), path + "/pyhost-3.11");
  std::filesystem::create_symlink(bin("qflow-hostile-pyhost"), path + "/pyhost-3.9");
  return path;
}

/// The daemon's resident memory in MiB: now (`VmRSS:`) or at its peak (`VmHWM:`).
std::size_t memory_of(Daemon& daemon, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(daemon.program().pid()) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::stoul(line.substr(line.find_first_of("0123456789"))) / 1024;
  return 0;
}

}  // namespace

TEST_CASE("a worker that breaks the protocol ends only itself") {
  const TempDir directory;
  Daemon daemon({"--pyhost-dir", pyhosts(directory, "worker")});
  for (const Act& act : kWorkerActs) {
    const std::string name = act.name;
    CAPTURE(name);
    const auto start = Clock::now();
    // Only what is to run into the limit gets a short one; the others have work to do before they end.
    const std::string_view outcome = act.outcome;
    const int seconds = outcome.empty() || outcome == "timed_out" ? 1 : 10;
    const Answer answer = daemon.node(act.name, nullptr, {{"python_version", "3.9"}, {"timeout", seconds}});
    CHECK(Clock::now() - start < std::chrono::seconds(15));
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    CHECK(answer.body.size() < 2'000'000);
    if (*act.outcome != '\0') CHECK_MESSAGE(answer["outcome"] == json::value(act.outcome), answer.body.substr(0, 600));
    if (answer["resource_usage"].is_object())
      for (const auto& [key, value] : answer["resource_usage"].get_object())
        CHECK_MESSAGE(value.to_number<double>() >= 0, std::string(key));
    CHECK(daemon.node("def f(): return 7")["output"] == 7);
  }
  CHECK(memory_of(daemon, "VmHWM:") < 300 * kSanitizerTimes);
  CHECK(memory_of(daemon, "VmRSS:") < 200 * kSanitizerTimes);
}

TEST_CASE("a hostile worker that does not read: the daemon's own memory stays bounded") {
  const TempDir directory;
  Daemon daemon({"--pyhost-dir", pyhosts(directory, "worker")});
  const std::string large(10'000'000, 'x');
  for (int i = 0; i < 3; ++i)
    CHECK(daemon.node("never answering", json::value(large),
                      {{"python_version", "3.9"}, {"timeout", 0.5}})["outcome"] == "timed_out");
  CHECK(memory_of(daemon, "VmRSS:") < 200 * kSanitizerTimes);
  CHECK(daemon.node("def f(): return 7")["output"] == 7);
}

TEST_CASE("a zygote that breaks the protocol ends only itself") {
  const TempDir directory;
  for (const auto& [name, serves] : kZygoteActs) {
    const std::string act = name;
    CAPTURE(act);
    Daemon daemon({"--pyhost-dir", pyhosts(directory, act)});
    const auto start = Clock::now();
    const Answer answer = daemon.node("behaves", nullptr, {{"python_version", "3.9"}, {"timeout", 2}});
    CHECK(Clock::now() - start < std::chrono::seconds(30));
    if (serves) CHECK_MESSAGE(answer["outcome"] == "completed", answer.body.substr(0, 600));
    else CHECK_MESSAGE(answer.status == 503, answer.body.substr(0, 600));
    CHECK(answer.body.size() < 20'000);
    CHECK(daemon.node("def f(): return 7")["output"] == 7);
    CHECK(memory_of(daemon, "VmHWM:") < 200 * kSanitizerTimes);
  }
}

TEST_CASE("descriptors that come with a worker's first frame are not kept") {
  const TempDir directory;
  Daemon daemon({"--pyhost-dir", pyhosts(directory, "hello-with-descriptors")});
  CHECK(daemon.node("x", nullptr, {{"python_version", "3.9"}, {"timeout", 0.3}})["outcome"] == "timed_out");
  std::size_t open = 0;
  for ([[maybe_unused]] const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.program().pid()) + "/fd"))
    ++open;
  CHECK(open < 100);
}
