// The walls without Python: a process enters the outer sandbox, forks a worker into the inner one, and tries things.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "sandbox/inner.hpp"
#include "sandbox/outer.hpp"
#include "sandbox/selfcheck.hpp"
#include "sandbox/sys.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/sandbox/walls.hpp"

using namespace qflow::sandbox;
using namespace qflow::test;

TEST_SUITE_BEGIN("walls" * doctest::skip(qflow::test::kHasThread));

TEST_CASE("a worker behind every wall reports all of them") {
  const Policy policy = test_policy();
  const std::string checks = in_worker(policy, [] { say(std::to_string(run_checks())); });
  CHECK(checks == std::to_string(expected_checks(policy)) + ";");
}

TEST_CASE("the host's files are not there, and only the worker's own directories can be written") {
  CHECK(in_worker(test_policy(), [] {
          for (const char* path :
               {"/etc/shadow", "/proc/1/environ", "/sys/kernel", "/root", "/home", "/var/lib", "/run", "/boot"})
            say(::access(path, F_OK) == 0 ? path : "gone");
        }) == "gone;gone;gone;gone;gone;gone;gone;gone;");
  CHECK(in_worker(test_policy(), [] {
          for (const char* path : {"/x", "/usr/lib/x", "/etc/x", "/dev/x"})
            say(::open(path, O_CREAT | O_WRONLY, 0600) >= 0 ? path : "refused");
          for (const char* path : {"/tmp/x", "/dev/shm/x", "/node/x"})
            say(::open(path, O_CREAT | O_WRONLY, 0600) >= 0 ? "written" : path);
        }) == "refused;refused;refused;refused;written;written;written;");
}

TEST_CASE("system calls that a worker has no use for are refused") {
  const std::string eperm = std::to_string(EPERM) + ";";
  const std::string enosys = std::to_string(ENOSYS) + ";";
  CHECK(in_worker(test_policy(), [] {
          say_errno(::unshare(CLONE_NEWUSER));
          say_errno(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr));
          say_errno(::syscall(SYS_ptrace, 0, 0, 0, 0));
          say_errno(::syscall(SYS_keyctl, 0, 0, 0, 0, 0));
          say_errno(::syscall(SYS_bpf, 0, nullptr, 0));
          say_errno(::syscall(SYS_memfd_create, "x", 0));
          say_errno(::syscall(SYS_setns, 0, 0));
          say_errno(::syscall(SYS_execve, "/usr/bin/true", nullptr, nullptr));
          say_errno(::syscall(SYS_shmget, 1, 4096, 0600 | 01000));
          say_errno(::syscall(SYS_setuid, 0));
          say_errno(::syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, 0));
          say_errno(::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0));
        }) == eperm + eperm + eperm + eperm + eperm + eperm + eperm + eperm + eperm + eperm + eperm + eperm);
  CHECK(in_worker(test_policy(), [] {
          say_errno(::syscall(SYS_clone3, nullptr, 0));
          say_errno(::syscall(SYS_io_uring_setup, 1, nullptr));
        }) == enosys + enosys);
  CHECK(in_worker(test_policy(), [] {
          say_errno(::socket(AF_INET, SOCK_STREAM, 0));
          say_errno(::socket(AF_UNIX, SOCK_STREAM, 0));
          say_errno(::socket(AF_ALG, SOCK_SEQPACKET, 0));
          int pair[2];
          say_errno(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        }) == "13;13;13;allowed;");
}

#ifdef __x86_64__
// int 0x80 with eax = 20: getpid of the 32-bit table.
void call_of_32_bits() {
  long result = 20;
  asm volatile("int $0x80" : "+a"(result) : : "memory");
}

TEST_CASE("the calls of another architecture kill the worker") {
  const char* end = qflow::test::has_32_bit_calls() ? "signal 31" : "signal 11";
  CHECK(in_worker(test_policy(), [] {
          call_of_32_bits();
          say("survived");
        }) == end);
}
#endif

TEST_CASE("no id is mapped in a worker, and it cannot change its id") {
  CHECK(in_worker(test_policy(), [] {
          say(std::to_string(::getuid()) + " " + std::to_string(::getgid()));
          say_errno(::setuid(1000));
          say_errno(::unshare(CLONE_NEWUSER));
        }) == "65534 65534;1;1;");
}

TEST_CASE("a worker inherits no descriptor but its own") {
  const UniqueFd leaked(::open("/etc/hostname", O_RDONLY));  // without O_CLOEXEC
  CHECK(in_worker(test_policy(), [] {
          std::string open_ones;
          for (int fd = 0; fd < 1024; ++fd)
            if (::fcntl(fd, F_GETFD) >= 0) open_ones += std::to_string(fd) + " ";
          say(open_ones);
        }) == "0 1 2 3 4 ;");
}

TEST_CASE("a zygote and its workers have different process ids, by which libraries notice a fork") {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ours.reset();
    const int socket = ::dup2(theirs.get(), kControlFd);
    enter_outer(test_policy(), socket);
    say(std::to_string(::getpid()));
    ::_exit(0);
  }
  theirs.reset();
  ChildProcess child(pid);
  char bytes[16] = {};
  CHECK(::read(ours.get(), bytes, sizeof bytes) > 0);
  CHECK(std::string(bytes) == "2;");
  CHECK(in_worker(test_policy(), [] { say(std::to_string(::getpid())); }) == "1;");
}

TEST_CASE("two workers of one zygote see nothing of each other's files") {
  const Policy policy = test_policy();
  auto [ours, theirs] = socket_pair();
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ours.reset();
    const int socket = ::dup2(theirs.get(), kControlFd);
    enter_outer(policy, socket);
    const InnerSandbox inner(policy);
    for (int i = 0; i < 2; ++i) {
      const pid_t worker = inner.fork_worker();
      if (worker == 0) {
        if (inner.enter({socket, 1, 2}).step != nullptr) ::_exit(1);
        say(::access("/tmp/mine", F_OK) == 0 || ::access("/dev/shm/mine", F_OK) == 0 ? "seen" : "unseen");
        for (const char* path : {"/tmp/mine", "/dev/shm/mine"}) ::close(::open(path, O_CREAT | O_WRONLY, 0666));
        say(std::to_string(::getpid()));
        ::_exit(0);
      }
      ::waitpid(worker, nullptr, 0);
    }
    ::_exit(0);
  }
  theirs.reset();
  ChildProcess child(pid);
  std::string text;
  char bytes[256];
  ssize_t got = 0;
  while ((got = ::read(ours.get(), bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  CHECK(text == "unseen;1;unseen;1;");
}

TEST_SUITE_END();
