#include "tests/support/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace qflow::test {
namespace fs = std::filesystem;

TempDir::TempDir() {
  std::string pattern = "/tmp/qflow-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}
TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}
std::string TempDir::file(const std::string& name, const std::string& text) const {
  std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  return path_ + "/" + name;
}

Program::Program(std::vector<std::string> arguments) : Program(std::move(arguments), Options()) {}

Program::Program(std::vector<std::string> arguments, Options options) {
  auto [out_read, out_write] = sandbox::make_pipe();
  // A file, not a pipe: a program whose log nobody reads must not block.
  sandbox::UniqueFd err_file(sandbox::check(::memfd_create("stderr", MFD_CLOEXEC), "memfd_create"));
  auto [in_read, in_write] = sandbox::make_pipe();
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = sandbox::check(::fork(), "fork");
  if (pid == 0) {
    ::dup2(in_read.get(), 0);
    ::dup2(out_write.get(), 1);
    ::dup2(err_file.get(), 2);
    ::signal(SIGPIPE, SIG_DFL);
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (options.descriptors != 0) {
      const rlimit files{options.descriptors, options.descriptors};
      ::setrlimit(RLIMIT_NOFILE, &files);
    }
    if (options.uid != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(options.uid, options.uid, options.uid) != 0 ||
                             ::setresuid(options.uid, options.uid, options.uid) != 0))
      ::_exit(126);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  child_ = sandbox::ChildProcess(pid);
  out_ = std::move(out_read);
  err_ = std::move(err_file);
  if (!options.input.empty()) sandbox::write_all(in_write.get(), options.input);
}

Program::~Program() = default;

void Program::signal(int number) const { ::kill(child_.pid(), number); }

std::string Program::line(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto end = out_text_.find('\n');
    if (end != std::string::npos) {
      std::string first = out_text_.substr(0, end);
      out_text_.erase(0, end + 1);
      return first;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wait{out_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return {};
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(out_.get(), bytes.data(), bytes.size());
    if (got <= 0) return {};
    out_text_.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

Finished Program::wait(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  Finished done;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      done.timed_out = true;
      break;
    }
    pollfd wait_for{out_.get(), POLLIN, 0};
    if (::poll(&wait_for, 1, static_cast<int>(left)) <= 0) continue;
    std::array<char, 65536> bytes{};
    const ssize_t got = ::read(out_.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    out_text_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  if (done.timed_out) child_.kill_and_reap();
  else {
    const sandbox::Exit exit = child_.wait();
    done.code = exit.code;
    done.signal = exit.signal;
  }
  done.out = std::move(out_text_);
  const off_t size = ::lseek(err_.get(), 0, SEEK_END);
  done.err.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  done.err.resize(
      static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(err_.get(), done.err.data(), done.err.size(), 0))));
  return done;
}

Finished run(std::vector<std::string> arguments, std::chrono::milliseconds patience) {
  return Program(std::move(arguments)).wait(patience);
}
Finished run(std::vector<std::string> arguments, Program::Options options, std::chrono::milliseconds patience) {
  return Program(std::move(arguments), std::move(options)).wait(patience);
}

std::string bin(const std::string& name) { return std::string(QFLOW_BIN_DIR) + "/" + name; }
std::string source(const std::string& relative) {
  const char* moved = std::getenv("QFLOW_TEST_SOURCE");  // where there is no source tree: packaging/vm-test
  return std::string(moved != nullptr ? moved : QFLOW_SOURCE_DIR) + "/" + relative;
}

bool has_32_bit_calls() {
#ifdef __x86_64__
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // doctest and the sanitizers have handlers of their own
    long result = 20;               // getpid
    asm volatile("int $0x80" : "+a"(result) : : "memory");
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status);
#else
  return false;
#endif
}

}  // namespace qflow::test
