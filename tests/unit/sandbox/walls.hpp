// A worker behind the sandbox's walls without Python: for tests of the walls themselves.
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "sandbox/inner.hpp"
#include "sandbox/outer.hpp"
#include "sandbox/sys.hpp"

namespace qflow::test {
using namespace qflow::sandbox;

/// ThreadSanitizer has a thread of its own in every process, and a process with threads cannot make a user namespace
/// (unshare(2)): the real zygotes are never instrumented.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kHasThread = true;
#else
inline constexpr bool kHasThread = false;
#endif

inline Policy test_policy() {
  Policy policy;
  policy.mounts = {{"/usr/lib", false}, {"/etc/ld.so.cache", true}};
  return policy;
}

/// Runs `act` in a worker behind `policy`'s walls and returns what it wrote to its socket.
inline std::string in_worker(const Policy& policy, const std::function<void()>& act) {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ours.reset();
    try {
      const int socket = ::dup2(theirs.get(), kControlFd);
      enter_outer(policy, socket);
      const InnerSandbox inner(policy);
      const pid_t worker = inner.fork_worker();
      if (worker == 0) {
        const StepFailure failure = inner.enter({socket, STDOUT_FILENO, STDERR_FILENO});
        if (failure.step != nullptr) write_all(kControlFd, std::string("step ") + failure.step);
        else act();
        ::_exit(0);
      }
      int status = 0;
      ::waitpid(worker, &status, 0);
      const Exit exit = exit_of(status);
      if (exit.signal != 0) write_all(kControlFd, "signal " + std::to_string(exit.signal));
    } catch (const std::exception& error) {
      write_all(kControlFd, error.what());
    }
    ::_exit(0);
  }
  theirs.reset();
  ChildProcess child(pid);
  std::string text;
  char bytes[4096];
  ssize_t got = 0;
  while ((got = ::read(ours.get(), bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  child.wait();
  return text;
}

inline void say(const std::string& text) { write_all(kControlFd, text + ";"); }
inline void say_errno(long result) { say(result < 0 ? std::to_string(errno) : "allowed"); }

}  // namespace qflow::test
