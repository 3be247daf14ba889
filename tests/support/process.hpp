// Child processes for tests: start, feed, wait with a deadline, collect both streams.
#pragma once
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "sandbox/sys.hpp"

namespace qflow::test {

// How many times more memory is allowed for programs that a sanitizer has instrumented: it keeps what was freed, and
// has shadows of what is used.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSanitizerTimes = 20;
#else
inline constexpr int kSanitizerTimes = 1;
#endif

/// A directory below /tmp, removed with its owner.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  /// Writes a file in it and returns its path.
  std::string file(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

/// The result of a finished program.
struct Finished {
  int code = -1;  ///< exit status, -1 when a signal ended it
  int signal = 0;
  std::string out, err;
  bool timed_out = false;
};

/// A running program; killed with its owner.
class Program {
 public:
  struct Options {
    uid_t uid = 0;  ///< not 0: run as this user (when the tests run as root)
    std::map<std::string, std::string> environment;
    std::string input;
    unsigned descriptors = 0;  ///< not 0: RLIMIT_NOFILE, soft and hard
  };
  explicit Program(std::vector<std::string> arguments);
  Program(std::vector<std::string> arguments, Options options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  pid_t pid() const { return child_.pid(); }
  void signal(int number) const;
  /// Reads a whole line from standard output; empty on end of stream or after `patience`.
  std::string line(std::chrono::milliseconds patience);
  /// Waits for the end and returns the output; kills the program after `patience`.
  Finished wait(std::chrono::milliseconds patience);

 private:
  sandbox::ChildProcess child_;
  sandbox::UniqueFd out_, err_;
  std::string out_text_;
};

/// Runs a program to its end.
Finished run(std::vector<std::string> arguments, std::chrono::milliseconds patience = std::chrono::seconds(60));
Finished run(std::vector<std::string> arguments, Program::Options options,
             std::chrono::milliseconds patience = std::chrono::seconds(60));

/// Paths of a built executable and of a file in the source tree.
std::string bin(const std::string& name);
std::string source(const std::string& relative);

/// Whether this kernel has the table of 32-bit system calls (int 0x80). Without it such a call ends a process with
/// SIGSEGV, before any filter is consulted.
bool has_32_bit_calls();

/// Whether a text contains another.
inline bool has(const std::string& where, const std::string& what) { return where.find(what) != std::string::npos; }

/// Waits until `condition()` holds, checking every 10 ms. False when it does not hold in time.
template <class F>
bool eventually(F condition, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    ::usleep(10'000);
  }
  return condition();
}

}  // namespace qflow::test
