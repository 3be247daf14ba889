// The command line as a process, as root and as an ordinary user.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

json::value parsed(const std::string& text) { return json::parse(text); }

}  // namespace

TEST_CASE("--help and --version answer; an unknown word is bad input") {
  const Cli cli;
  CHECK(cli({"--version"}).out.find("qflow ") == 0);
  const Finished help = cli({"--help"});
  CHECK(help.code == 0);
  for (const char* word : {"run", "serve", "doctor", "Exit status"}) CHECK(has(help.out, word));
  CHECK(has(cli({"run", "--help"}).out, "--input-file"));
  CHECK(cli({}).code == 2);
  CHECK(cli({"nonsense"}).code == 2);
  CHECK(cli({"run"}).code == 2);
  CHECK(cli({"run", "--nonsense"}).code == 2);
}

TEST_CASE("check: findings with file, line and remedy; exit status 1 on errors") {
  const Cli cli;
  const Finished good = cli({"check", source("packaging/examples/gpl3/flow.json")});
  CHECK_MESSAGE(good.code == 0, good.out);
  CHECK(has(good.out, "no findings"));
  cli.directory.file("sum.py", "import subprocess\n\ndef total(values: 'list[int]') -> int:\n    return sum(values)\n");
  const std::string flow = cli.directory.file(
      "flow.json",
      "{\"nodes\": [\n  {\"id\": \"give\", \"code\": \"def give() -> str: return ''\"},\n"
      "  {\"id\": \"sum\", \"file\": \"sum.py\"},\n"
      "  {\"id\": \"bad\", \"code\": \"x = 1\\ndef bad(a: int):\\n  eval('1')\", \"inputs\": {\"a\":\n    \"one\"}}],\n"
      " \"connections\": {\"give\": {\"main\": [[\n    {\"node\": \"sum\", \"type\": \"main\", \"index\": 0}]]}}}\n");
  const Finished wrong = cli({"check", flow});
  CHECK_MESSAGE(wrong.code == 1, wrong.err);
  CHECK(
      has(wrong.out, "flow.json:7: error: node \"sum\": input 'values' takes list[int], but node \"give\" gives str"));
  CHECK(has(wrong.out,
            "flow.json:5: error: node \"bad\": the value for input 'a', which takes int: /nodes/2/inputs/a: expected "
            "integer, found string [invalid_literal]"));
  CHECK(has(wrong.out, "(line 3 of its code) [evaluates_text]"));
  CHECK(has(wrong.out, "flow.json: 2 errors, 1 warning"));
  const json::value report = parsed(cli({"check", flow, "--json"}).out);
  CHECK(report.at("valid") == false);
  CHECK(report.at("findings").as_array().size() == 3);
  // `run` refuses the same workflow before anything runs.
  const Finished refused = cli({"run", flow, "-q"});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "node \"sum\": input 'values' takes list[int], but node \"give\" gives str"));
  // A mismatch inside a list is only a warning, and an error with --strict.
  const std::string inner =
      cli.flow(chain({node("a", "def a() -> 'list[str]': return []"), node("b", "def b(x: 'list[int]'): ...")}));
  CHECK(cli({"check", inner}).code == 0);
  CHECK(cli({"check", inner, "--strict"}).code == 1);
  CHECK(cli({"check", cli.directory.path() + "/nothing.json"}).code == 2);
  CHECK(cli({"check", cli.directory.file("text.json", "no json")}).code == 2);
  CHECK(cli({"check", cli.directory.file("empty.json", "{}")}).code == 1);
}

TEST_CASE("the example runs and leaves its report") {
  const Cli cli;
  const Finished done = cli({"run", source("packaging/examples/gpl3/flow.json"), "--input",
                             "text=@/usr/share/common-licenses/GPL-3", "--json"});
  CHECK_MESSAGE(done.code == 0, done.err);
  const json::value result = parsed(done.out);
  CHECK(result.at("status") == "completed");
  CHECK(result.at("nodes").as_array().size() == 6);
  REQUIRE(result.at("files").as_array().size() == 2);
  const std::string path(result.at("files").at(1).at("path").as_string());
  CHECK(has(qflow::sandbox::read_file(path, 1 << 20), "<svg"));
  CHECK(has(qflow::sandbox::read_file(std::string(result.at("files").at(0).at("path").as_string()), 1 << 20),
            "GNU GENERAL PUBLIC LICENSE"));
  CHECK(result.at("nodes").at(0).at("type") == "nodes.read.Document");
}

TEST_CASE("plain lines in a pipe, outputs on standard output") {
  const Cli cli;
  const Finished done = cli({"run",
                             cli.flow(chain({node("one", "def one(n):\n    print('said')\n    return n"),
                                             node("two", "def two(x): return {'twice': x * 2}")})),
                             "-i", "n=21"});
  CHECK(done.code == 0);
  CHECK(done.out == "two = {\"twice\":42}\n");
  CHECK(has(done.err, "one  done"));
  CHECK(has(done.err, "one | said\none  done"));
  CHECK_FALSE(has(done.err, "\x1b"));
  const Finished quiet = cli({"run", "-q", cli.directory.path() + "/flow.json", "-i", "n=21"});
  CHECK(quiet.err.empty());
}

TEST_CASE("on a terminal there is a live line for each node, redrawn in place and never wrapped") {
  const Cli cli;
  const std::string path = cli.flow(chain({node("one", "import time\ndef one():\n    time.sleep(0.3)\n    return 1"),
                                           node("two", "def two(x): raise ValueError('long ' * 100)")}));
  winsize size{24, 60, 0, 0};
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::setenv("TERM", "xterm", 1);
    const std::string data = cli.directory.path() + "/data";
    ::execl(bin("qflow").c_str(), "qflow", "run", path.c_str(), "--data-dir", data.c_str(), nullptr);
    ::_exit(127);
  }
  std::string seen;
  char bytes[4096];
  ssize_t got = 0;
  while ((got = ::read(terminal, bytes, sizeof bytes)) > 0) seen.append(bytes, static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  CHECK(WEXITSTATUS(status) == 1);
  for (const char* what : {"waiting", "running", "done", "failed", "\x1b[2A"}) CHECK_MESSAGE(has(seen, what), what);
  const auto failed = seen.find("failed");
  CHECK(seen.find("\r\n", failed) - failed < 60);
}

TEST_CASE("inputs: values as JSON or text, files, a whole file") {
  const Cli cli;
  const std::string path = cli.flow(chain({node("f", "def f(a, b, c): return [a, b, c]")}));
  const std::string text = cli.directory.file("t.txt", "from a file");
  CHECK(cli({"run", "-q", path, "-i", "a=1", "-i", "b=x y", "-i", "c=@" + text}).out ==
        "f = [1,\"x y\",\"from a file\"]\n");
  const std::string whole = cli.directory.file("in.json", R"({"a":1,"b":2,"c":3})");
  CHECK(cli({"run", "-q", path, "--input-file", whole}).out == "f = [1,2,3]\n");
  CHECK(cli({"run", "-q", path, "--input-file", whole, "-i", "c=4"}).out == "f = [1,2,4]\n");
  CHECK(cli({"run", "-q", path, "-i", "nonsense"}).code == 2);
  CHECK(
      has(cli({"run", "-q", path, "-i", "a=@/nonexistent"}).err, "input file /nonexistent: No such file or directory"));
  CHECK(has(cli({"run", "-q", path, "--input-file", text}).err, "is not JSON"));
  const Finished binary = cli({"run", "-q", path, "-i", "a=@" + cli.directory.file("binary", "\x7f\xff\xfe")});
  CHECK(binary.code == 2);
  CHECK(has(binary.err, "is not UTF-8 text"));
  CHECK(cli({"run", "-q", path, "-i", "a=\xff\xfe"}).code == 2);
  const Finished large =
      cli({"run", "-q", path, "-i", "a=@" + cli.directory.file("large", std::string(20'000'000, 'x')), "-i", "b=1",
           "-i", "c=1"});
  CHECK(large.code == 2);
  CHECK(has(large.err, "InputTooLarge"));
  const Finished missing = cli({"run", "-q", path, "-i", "a=1"});
  CHECK(missing.code == 2);
  CHECK(has(missing.err, "missing argument 'b', 'c'"));
}

TEST_CASE("a bad flow gives exit status 2 with a reason, a failing node gives 1") {
  const Cli cli;
  CHECK(has(cli({"run", "/nonexistent.json"}).err, "workflow /nonexistent.json: No such file or directory"));
  CHECK(cli({"run", "/nonexistent.json"}).code == 2);
  CHECK(cli({"run", cli.directory.file("bad.json", "{")}).code == 2);
  CHECK(cli({"run", cli.directory.file("bad.json", "[]")}).code == 2);
  const Finished cycle = cli({"run", cli.flow(flow({node("a", "def a(x): return x")}, {{"a", "a"}})), "--json"});
  CHECK(cycle.code == 2);
  CHECK(parsed(cycle.out).at("code") == "cyclic_workflow");
  CHECK(has(cli({"run", cli.flow(chain({node("a", "def a(): pass")})), "--python", "2.7"}).err, "available: "));
  CHECK(has(cli({"run", cli.flow(chain({node("a", "def a(): pass")})), "--node", "zz"}).err,
            "no node is named \"zz\"; nodes are: a"));
  const Finished failed = cli({"run", cli.flow(chain({node("a", "def a():\n    return {}['k']")}))});
  CHECK(failed.code == 1);
  CHECK(has(failed.err, "KeyError: 'k' (node 'a', line 2)"));
  CHECK(has(failed.err, "return {}['k']"));
}

TEST_CASE("nodes may name files next to the flow, and no others") {
  const Cli cli;
  cli.directory.file("clean.py", "def clean(x=1):\n    return x\n");
  CHECK(cli({"run", "-q", cli.flow({{"nodes", {{{"id", "n"}, {"file", "clean.py"}}}}})}).out == "n = 1\n");
  for (const char* file : {"/etc/passwd", "../../etc/passwd", "sub/../../x.py"}) {
    const Finished refused = cli({"run", "-q", cli.flow({{"nodes", {{{"id", "n"}, {"file", file}}}}})});
    CHECK(refused.code == 2);
    CHECK(has(refused.err, "is outside the flow's folder"));
  }
  CHECK(has(cli({"run", "-q", cli.flow({{"nodes", {{{"id", "n"}, {"file", "gone.py"}}}}})}).err, "No such file"));
}

TEST_CASE("--node runs that node and what it needs") {
  const Cli cli;
  const Finished done = cli({"run",
                             cli.flow(chain({node("a", "def a(): return 1"), node("b", "def b(x): return x + 1"),
                                             node("c", "def c(x): raise ValueError")})),
                             "--node", "b"});
  CHECK(done.code == 0);
  CHECK(done.out == "b = 2\n");
  CHECK_FALSE(has(done.err, "c "));
}

TEST_CASE("an interrupt cancels, is recorded, and gives 130") {
  const Cli cli;
  const std::string path = cli.flow(chain({node("slow", "import time\ndef slow():\n    time.sleep(60)")}));
  Program program({bin("qflow"), "run", path, "--json", "--data-dir", cli.directory.path() + "/data"});
  REQUIRE(eventually([&] { return !run({"pgrep", "-P", std::to_string(program.pid())}).out.empty(); }));
  ::usleep(200'000 * kSanitizerTimes);
  program.signal(SIGINT);
  const Finished done = program.wait(std::chrono::seconds(10));
  CHECK_FALSE(done.timed_out);
  CHECK(done.code == 130);
  CHECK(parsed(done.out).at("status") == "cancelled");
}

TEST_CASE("the run is recorded in the data directory") {
  const Cli cli;
  CHECK(cli({"run", "-q", cli.flow(chain({node("a", "def a(): return 5")}))}).code == 0);
  auto directory = std::make_shared<TempDir>();
  std::filesystem::rename(cli.directory.path() + "/data", directory->path() + "/data");
  Daemon daemon({}, {}, directory);
  const Answer list = daemon.get("/executions");
  REQUIRE(list["results"].as_array().size() == 1);
  CHECK(list["results"].at(0).at("mode") == "cli");
  CHECK(list["results"].at(0).at("status") == "completed");
}

TEST_CASE("doctor reports each layer and whether code would run") {
  const Cli cli;
  const Finished plain = cli({"doctor"});
  CHECK(plain.code == 0);
  for (const char* layer : {"user namespace", "seccomp filter", "Landlock", "cgroup v2", "Isolation level"})
    CHECK(has(plain.out, layer));
  const json::value report = parsed(cli({"doctor", "--json"}).out);
  CHECK(report.at("refused") == false);
  CHECK(cli({"doctor", "--min-isolation", "3"}).code == 1);
  CHECK(cli({"doctor", "--pyhost-dir", "/nonexistent"}).code == 1);
  const Finished refused = cli({"run", cli.flow(chain({node("a", "def a(): return 1")})), "--min-isolation", "3"});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "isolation level"));
}

TEST_CASE("doctor --policy prints everything that a node may do") {
  const Cli cli;
  const Finished policy = cli({"doctor", "--policy", "--memory", "100", "--share", "/usr/share/common-licenses"});
  CHECK(policy.code == 0);
  for (const char* line :
       {"memory 104857600\n", "network none\n", "mount /usr/share/common-licenses\n", "mount? /usr/lib/",
        "mount? /etc/ld.so.cache\n", "denied, with a named event", "everything else is refused (EPERM)"})
    CHECK_MESSAGE(has(policy.out, line), line);
}

TEST_CASE("doctor and run work for an ordinary user") {
  if (::geteuid() != 0) {
    WARN("not root: everything here runs as an ordinary user already");
    return;
  }
  // Copy the executables and the example to where that user can read them.
  const TempDir open;
  std::filesystem::permissions(open.path(), std::filesystem::perms(0755));
  std::filesystem::create_directory(open.path() + "/bin");
  for (const auto& entry : std::filesystem::directory_iterator(bin("")))
    if (entry.path().filename() == "qflow" || entry.path().filename().string().starts_with("pyhost-3.11"))
      std::filesystem::copy(entry.path(), open.path() + "/bin/");
  std::filesystem::copy(source("packaging/examples"), open.path() + "/examples",
                        std::filesystem::copy_options::recursive);
  std::filesystem::create_directory(open.path() + "/home");
  constexpr uid_t kUser = 34567;
  REQUIRE(::chown((open.path() + "/home").c_str(), kUser, kUser) == 0);
  Program::Options options;
  options.uid = kUser;
  options.environment = {{"QFLOW_DATA_DIR", open.path() + "/home/data"}, {"HOME", open.path() + "/home"}};
  const Finished doctor = run({open.path() + "/bin/qflow", "doctor"}, options);
  CHECK_MESSAGE(doctor.code == 0, doctor.out);
  const Finished done = run({open.path() + "/bin/qflow", "run", open.path() + "/examples/gpl3/flow.json", "--input",
                             "text=@/usr/share/common-licenses/GPL-3", "--json"},
                            options);
  CHECK_MESSAGE(done.code == 0, done.err);
  const std::string who = open.file(
      "who.json", json::serialize(chain({node("w", "import os\ndef w(): return [os.getuid(), os.getpid()]")})));
  CHECK(run({open.path() + "/bin/qflow", "run", "-q", who}, options).out == "w = [65534,1]\n");
  Program server({open.path() + "/bin/qflow", "serve", "--listen", "127.0.0.1:0"}, options);
  const std::string line = server.line(std::chrono::seconds(30));
  const auto at = line.find("127.0.0.1:");
  REQUIRE_MESSAGE(at != std::string::npos, server.wait(std::chrono::seconds(5)).err);
  Connection connection(static_cast<unsigned short>(std::stoi(line.substr(at + 10))));
  CHECK(eventually([&] { return connection.call("GET", "/health/python")["status"] == "healthy"; }));
}
