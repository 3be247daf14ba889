// The configuration: the file, the environment, flags, and errors in them.
#include <doctest/doctest.h>

#include <cstdlib>

#include "daemon/base/fault.hpp"
#include "daemon/config/read.hpp"

using namespace qflow;

namespace {
std::string problem_of(const std::string& text) {
  config::Config config;
  try {
    config::read_text(text, "q.toml", config);
    config::check(config);
  } catch (const Fault& fault) {
    return fault.message;
  }
  return "";
}
bool has(const std::string& where, const std::string& what) { return where.find(what) != std::string::npos; }
}  // namespace

TEST_CASE("a file's values are read") {
  config::Config config;
  config::read_text(
      "data_dir = \"/srv/q\"\n[server]\nlisten = \"0.0.0.0:80\"\ncors_origins = [\"https://a.example\"]\n"
      "[sandbox]\ncpu = 2\nallow_network = true\nmemory_mib = 1024\n",
      "q.toml", config);
  config::check(config);
  CHECK(config.data_dir == "/srv/q");
  CHECK(config.server.listen == "0.0.0.0:80");
  CHECK(config.server.cors_origins == std::vector<std::string>{"https://a.example"});
  CHECK(config.sandbox.cpu == 2);
  CHECK(config.sandbox.allow_network);
  CHECK(config.sandbox.memory_mib == 1024);
  CHECK(config.sandbox.timeout == 30);
}

TEST_CASE("errors are named with their line") {
  CHECK(has(problem_of("[server]\n\nlistne = \"x\"\n"), "q.toml:3: server.listne: there is no such setting"));
  CHECK(has(problem_of("[sandbox]\nmemory = 3\n"), "did you mean sandbox.memory_mib?"));
  CHECK(has(problem_of("[server\n"), "q.toml:1: "));
  CHECK(has(problem_of("[sandbox]\ncpu = \"two\"\n"), "q.toml:2: sandbox.cpu: expected a number"));
  CHECK(has(problem_of("[sandbox]\nmemory_mib = 1\n"), "expected a number from 64 to 1048576"));
  CHECK(has(problem_of("[sandbox]\nallow_network = 1\n"), "expected true or false"));
  CHECK(has(problem_of("[sandbox]\nshare = \"/x\"\n"), "expected a list of strings"));
  CHECK(has(problem_of("[server]\nlisten = 8000\n"), "expected a string in quotes"));
  CHECK(has(problem_of("[server]\nlisten = \"nowhere\"\n"), "server.listen: \"nowhere\" is not an address and port"));
  CHECK(has(problem_of("[server]\ncors_origins = [\"*\"]\n"), "\"*\" is not an origin"));
  CHECK(has(problem_of("[log]\nlevel = \"loud\"\n"), "log.level: \"loud\" is not one of"));
  CHECK(has(problem_of("log.level = \"info\"\n\xc8\xa2 = 2\n"), "q.toml:2: "));
  CHECK(has(problem_of("[server]\nlisten = \"\xff\"\n"), "is not UTF-8"));
  CHECK(problem_of("# räksmörgås\n[ai]\nurl = \"http://é.example\"\nmodel = 'ü'\n") == "");
  const std::string two = problem_of("[server]\na = 1\nb = 2\n");
  CHECK(has(two, "server.a"));
  CHECK(has(two, "server.b"));
}

TEST_CASE("the environment overrides the file, flags override both") {
  config::Config config;
  config.sandbox.timeout = 5;
  ::setenv("QFLOW_SANDBOX_TIMEOUT", "7", 1);
  ::setenv("QFLOW_SANDBOX_SHARE", "/a,/b", 1);
  config::read_environment(config);
  CHECK(config.sandbox.timeout == 7);
  CHECK(config.sandbox.share == std::vector<std::string>{"/a", "/b"});
  config::apply({{"sandbox.timeout", {"9"}}, {"sandbox.share", {"/c"}}, {"auth.rate_limits", {"false"}}}, config);
  CHECK(config.sandbox.timeout == 9);
  CHECK(config.sandbox.share == std::vector<std::string>{"/c"});
  CHECK_FALSE(config.auth.rate_limits);
  ::setenv("QFLOW_SANDBOX_TIMEOUT", "soon", 1);
  CHECK_THROWS_WITH(config::read_environment(config), "$QFLOW_SANDBOX_TIMEOUT: expected a number");
  ::unsetenv("QFLOW_SANDBOX_TIMEOUT");
  ::unsetenv("QFLOW_SANDBOX_SHARE");
  CHECK_THROWS_WITH(config::apply({{"sandbox.cpu", {"0"}}}, config), "--cpu: expected a number from 0.01 to 1024");
}

TEST_CASE("a shown configuration can be read again, and means the same") {
  config::Config config;
  config.server.hosts = {"a \"quoted\\\" name"};
  config.sandbox.cpu = 0.1;
  config::Config again;
  config::read_text(config::to_toml(config), "shown", again);
  CHECK(config::to_toml(again) == config::to_toml(config));
}

TEST_CASE("a running server takes over what it can, and reports the rest") {
  config::Config running, wanted;
  wanted.auth.requests_per_hour = 5;
  wanted.log.level = "debug";
  wanted.sandbox.memory_mib = 1024;
  CHECK(config::needs_restart(running, wanted) == std::vector<std::string>{"sandbox.memory_mib"});
  config::take_reloadable(wanted, running);
  CHECK(running.auth.requests_per_hour == 5);
  CHECK(running.log.level == "debug");
  CHECK(running.sandbox.memory_mib == 512);
}
