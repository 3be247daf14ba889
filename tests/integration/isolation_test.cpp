// Hosts that lack something: `qflow doctor` proves what works, names the cause of what does not once, with a remedy
// that works there, and no code is run below the isolation level that is required.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Runs a program in a child for which `prepare` has taken something away. Standard output and error are one.
Finished in_reduced(const std::function<bool()>& prepare, std::vector<std::string> arguments) {
  const TempDir directory;
  const std::string out = directory.path() + "/out";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int fd = ::open(out.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    if (!prepare()) ::_exit(99);
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    ::_exit(98);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  Finished done;
  done.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  done.out = qflow::sandbox::read_file(out, 100'000);
  return done;
}

// As Docker's default profile has it: unshare and mount fail with EPERM, clone3 with ENOSYS.
bool as_in_docker() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0);
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mount), 0);
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return seccomp_load(filter) == 0;
}

bool own_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// A directory with the pyhost of Debian's Python alone: without namespaces root cannot lend its rights to reach a
// Python in a closed home.
std::string debian_only(const Cli& cli) {
  const std::string directory = cli.directory.path() + "/debian";
  std::filesystem::create_directory(directory);
  std::filesystem::copy(bin("pyhost-3.11"), directory + "/pyhost-3.11");
  return directory;
}

bool is_root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can take /proc away or enter a chroot");
  return false;
}

}  // namespace

TEST_CASE("doctor starts each Python it lists in the sandbox, and has it run a line") {
  const Cli cli;
  const Finished plain = cli({"doctor"});
  CHECK_MESSAGE(plain.code == 0, plain.out);
  CHECK(has(plain.out, "ran a line in the sandbox: \"3."));
  CHECK(has(plain.out, "as process 1\""));
  const json::value report = json::parse(cli({"doctor", "--json"}).out);
  REQUIRE(!report.at("pythons").as_array().empty());
  for (const auto& one : report.at("pythons").as_array()) CHECK_MESSAGE(one.at("runs") == true, json::serialize(one));
}

TEST_CASE("a Python that does not start is named by doctor with the reason, and the status says so") {
  const Cli cli;
  const std::string directory = cli.directory.path() + "/bin";
  std::filesystem::create_directory(directory);
  cli.directory.file("bin/pyhost-3.99", "#!/bin/sh\nexit 3\n");
  ::chmod((directory + "/pyhost-3.99").c_str(), 0755);
  const Finished broken = cli({"doctor", "--pyhost-dir", directory});
  CHECK(broken.code == 1);
  CHECK_MESSAGE(has(broken.out, "Python 3.99                    NO    "), broken.out);
  CHECK(has(broken.out, "could not start"));
  CHECK(has(broken.out, "Code would FAIL"));
}

TEST_CASE("in a container whose profile forbids namespaces the cause is named once, and no code is run") {
  const Cli cli;
  const std::string file = cli.flow(chain({node("a", "def a(): return 1")}));
  const std::string data = cli.directory.path() + "/data";
  const Finished refused = in_reduced(as_in_docker, {bin("qflow"), "run", file, "--data-dir", data});
  CHECK(refused.code == 2);
  CHECK_MESSAGE(has(refused.out, "isolation level 1, but 2 is required; no code is run"), refused.out);
  CHECK(count(refused.out, "a seccomp filter forbids it") == 1);
  CHECK(count(refused.out, "--security-opt seccomp=unconfined") == 1);
  const Finished doctor = in_reduced(as_in_docker, {bin("qflow"), "doctor", "--data-dir", data});
  CHECK(doctor.code == 1);
  CHECK_MESSAGE(count(doctor.out, "a seccomp filter forbids it") == 1, doctor.out);
  CHECK(count(doctor.out, "→") == 2);  // this one, and the cgroups'
  CHECK(has(doctor.out, "not tried: level 2 is required"));
}

TEST_CASE("--min-isolation 1 runs code there, behind the walls that need no namespace") {
  const Cli cli;
  const std::string data = cli.directory.path() + "/data", pyhosts = debian_only(cli);
  const Finished doctor = in_reduced(
      as_in_docker, {bin("qflow"), "doctor", "--min-isolation", "1", "--data-dir", data, "--pyhost-dir", pyhosts});
  CHECK_MESSAGE(doctor.code == 0, doctor.out);
  CHECK(has(doctor.out, "Isolation level 1"));
  CHECK(has(doctor.out, "ran a line in the sandbox"));
  const std::string file = cli.flow(chain({node("a", R"(
import os, socket
def a():
    said = {}
    for what, act in {"write": lambda: open("/tmp/qflow-level-1", "w"), "home": lambda: os.listdir("/root"),
                      "passwd": lambda: open("/etc/shadow"), "passwords": lambda: open("/etc/passwd"),
                      "socket": lambda: socket.socket(), "program": lambda: os.execv("/bin/true", ["true"]),
                      "kill": lambda: os.kill(os.getppid(), 0) or os.listdir("/proc/%d" % os.getppid())}.items():
        try:
            act()
            said[what] = "done"
        except OSError as error:
            said[what] = "refused"
    return [said, os.getuid() != 0]
)")}));
  const Finished done = in_reduced(as_in_docker, {bin("qflow"), "run", "-q", file, "--min-isolation", "1", "--data-dir",
                                                  data, "--pyhost-dir", pyhosts});
  CHECK_MESSAGE(done.code == 0, done.out);
  CHECK_MESSAGE(count(done.out, "\"refused\"") == 7, done.out);
  CHECK(has(done.out, "true"));
}

TEST_CASE("without /proc doctor says that, and what to do") {
  if (!is_root()) return;
  const Cli cli;
  const auto without = [] { return own_mounts() && ::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) == 0; };
  const Finished doctor = in_reduced(without, {bin("qflow"), "doctor", "--data-dir", cli.directory.path() + "/data"});
  CHECK(doctor.code == 1);
  CHECK_MESSAGE(count(doctor.out, "/proc is not mounted here") == 1, doctor.out);
  CHECK(count(doctor.out, "mount -t proc proc /proc") == 1);
  CHECK(has(doctor.out, "Python 3."));  // it finds them all the same
}

TEST_CASE("root without an id to become says that, and nothing else is blamed") {
  if (!is_root()) return;
  const Cli cli;
  const Finished doctor = run(
      {"unshare", "--user", "--map-root-user", bin("qflow"), "doctor", "--data-dir", cli.directory.path() + "/data"});
  CHECK(doctor.code == 1);
  CHECK_MESSAGE(count(doctor.out, "id 71000 is not mapped in this user namespace") == 1, doctor.out);
  CHECK_FALSE(has(doctor.out, "use kernel 3.5"));
  CHECK_FALSE(has(doctor.out, "CONFIG_SECCOMP_FILTER"));
}

TEST_CASE("in a chroot doctor names it, and its remedy works") {
  if (!is_root()) return;
  const Cli cli;
  const std::string root = cli.directory.path() + "/root";
  std::filesystem::create_directory(root);
  const auto enter = [&] {
    return own_mounts() && ::mount("/", root.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
           ::chroot(root.c_str()) == 0 && ::chdir("/") == 0;
  };
  const Finished doctor = in_reduced(enter, {bin("qflow"), "doctor", "--data-dir", "/tmp/none"});
  CHECK(doctor.code == 1);
  CHECK_MESSAGE(count(doctor.out, "this is a chroot") == 1, doctor.out);
  CHECK(count(doctor.out, "bwrap --bind DIR / --dev /dev --proc /proc qflow") == 1);
  if (!std::filesystem::exists("/usr/bin/bwrap")) {
    MESSAGE("skipped: bubblewrap is not installed here");
    return;
  }
  const Finished remedy = run({"bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", bin("qflow"), "doctor",
                               "--data-dir", cli.directory.path() + "/data", "--pyhost-dir", debian_only(cli)});
  CHECK_MESSAGE(remedy.code == 0, remedy.out, remedy.err);
}
