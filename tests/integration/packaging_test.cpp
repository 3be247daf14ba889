// packaging/dev as an ordinary user meets it, and what `cmake --install` installs.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

// packaging/dev alone, in a tree of its own, on a machine where `dpkg-query` knows no package.
struct Bare {
  TempDir directory;
  Bare() {
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    for (const char* name : {"packaging", "bin", "build"})
      std::filesystem::create_directory(directory.path() + "/" + name);
    std::filesystem::copy(source("packaging/dev"), directory.path() + "/packaging/dev");
    program("dpkg-query", "exit 1");
  }
  void program(const std::string& name, const std::string& text) const {
    directory.file("bin/" + name, "#!/bin/sh\n" + text + "\n");
    ::chmod((directory.path() + "/bin/" + name).c_str(), 0755);
  }
  Finished operator()(const std::string& word, Program::Options options = {}) const {
    options.environment["PATH"] = directory.path() + "/bin:/usr/bin:/bin";
    return run({directory.path() + "/packaging/dev", word}, options);
  }
};

}  // namespace

TEST_CASE("packaging/dev: without root or sudo it says what to type, in both forms, without escapes") {
  const Bare bare;
  bare.program("sudo", "exit 1");
  bare.program("id", "echo 1000");
  const Finished told = bare("build");
  CHECK(told.code == 1);
  CHECK_MESSAGE(has(told.err, "\n  apt-get update && apt-get install -y --no-install-recommends g++ cmake"), told.err);
  CHECK(has(told.err, "\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends g++ cmake"));
  CHECK_FALSE(has(told.err, "\x1b"));
}

TEST_CASE("packaging/dev: as root it installs, and shows the end of what failed") {
  const Bare bare;
  bare.program("id", "echo 0");
  bare.program("apt-get", "echo apt-get \"$@\" >>" + bare.directory.path() +
                              "/build/calls; [ $1 = update ] || { echo E: no space left; exit 100; }");
  const Finished failed = bare("build");
  CHECK(failed.code == 100);
  CHECK_MESSAGE(has(failed.err, "Installing failed (status 100)"), failed.err);
  CHECK(has(failed.err, "E: no space left"));
  CHECK(has(qflow::sandbox::read_file(bare.directory.path() + "/build/calls", 10'000),
            "apt-get update\napt-get install -y --no-install-recommends g++ cmake"));
  CHECK(bare("nonsense").code == 2);
  CHECK(has(bare("--help").out, "packaging/dev test    build and run every test"));
}

TEST_CASE("cmake --install: programs, the unit with their place in it, the user's definition") {
  const TempDir directory;
  const std::string build = std::filesystem::path(bin("")).parent_path().parent_path();
  const std::string prefix = directory.path() + "/usr";
  const Finished installed = run({"cmake", "--install", build, "--prefix", prefix});
  REQUIRE_MESSAGE(installed.code == 0, installed.err);
  const std::string unit = qflow::sandbox::read_file(prefix + "/lib/systemd/system/qflow.service", 100'000);
  CHECK(has(unit, "\nExecStart=" + prefix + "/bin/qflow serve --data-dir /var/lib/qflow --min-isolation 3 "));
  CHECK_FALSE(has(unit, "@QFLOW"));
  CHECK(has(qflow::sandbox::read_file(prefix + "/lib/sysusers.d/qflow.conf", 1000),
            "u qflow - \"Qflow\" /var/lib/qflow"));
  // The installed program finds the installed Pythons.
  const Finished doctor = run({prefix + "/bin/qflow", "doctor", "--data-dir", directory.path() + "/data"});
  CHECK_MESSAGE(doctor.code == 0, doctor.out);
  CHECK(has(doctor.out, "ran a line in the sandbox"));
}

TEST_CASE("root's commands on a data directory of somebody's leave nothing of root's in it") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: not root");
    return;
  }
  const TempDir directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  constexpr uid_t kUser = 34567;
  const auto of = [&](const std::string& name) {
    const std::string path = directory.path() + "/" + name;
    std::filesystem::create_directory(path);
    REQUIRE(::chown(path.c_str(), kUser, kUser) == 0);
    return path;
  };
  const auto all_theirs = [](const std::string& path) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      struct stat info {};
      if (::lstat(entry.path().c_str(), &info) != 0 || info.st_uid != kUser) return entry.path().string();
    }
    return std::string("all");
  };
  const std::string data = of("data");
  Program::Options password;
  password.input = "Passw0rd-mine\n";
  CHECK(run({bin("qflow"), "user", "add", "me@example.org", "--password-stdin", "--data-dir", data}, password).code ==
        0);
  CHECK(run({bin("qflow"), "token", "create", "ci", "--data-dir", data}).code == 0);
  CHECK(all_theirs(data) == "all");
  // The backup is root's, unreadable for them; what is restored from it is theirs.
  const std::string backup = directory.path() + "/all.backup";
  CHECK(run({bin("qflow"), "backup", backup, "--data-dir", data}).code == 0);
  CHECK(all_theirs(data) == "all");
  const std::string again = of("again");
  const Finished restored = run({bin("qflow"), "restore", backup, "--data-dir", again});
  CHECK_MESSAGE(restored.code == 0, restored.err);
  CHECK(std::filesystem::exists(again + "/qflow.db"));
  CHECK(all_theirs(again) == "all");
}
