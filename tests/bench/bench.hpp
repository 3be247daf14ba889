// Shared by the benchmarks: medians, rows, and the programs that Qflow is compared with.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "daemon/base/async.hpp"
#include "tests/support/process.hpp"

namespace qflow::bench {

inline double milliseconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Sample {
  std::vector<double> times;
  double at(double quantile) {
    std::sort(times.begin(), times.end());
    return times.empty() ? 0
                         : times[std::min(times.size() - 1,
                                          static_cast<std::size_t>(quantile * static_cast<double>(times.size())))];
  }
};

inline Sample repeat(int times, const std::function<void()>& work) {
  Sample sample;
  for (int i = 0; i < times; ++i) sample.times.push_back(milliseconds(work));
  return sample;
}

inline void row(const std::string& what, double value, const std::string& unit, const std::string& note = {}) {
  fmt::print("  {:<58} {:>10.2f} {:<6} {}\n", what, value, unit, note);
  std::fflush(stdout);
}

constexpr const char* kPython = "/usr/bin/python3";
inline void bare_python(const char* code) { test::run({kPython, "-I", "-c", code}); }
inline void bubblewrap(const char* code) {
  test::run({"bwrap",     "--ro-bind", "/usr",   "/usr",      "--symlink", "usr/lib",       "/lib",
             "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin",   "/bin",          "--proc",
             "/proc",     "--dev",     "/dev",   "--tmpfs",   "/tmp",      "--unshare-all", "--die-with-parent",
             kPython,     "-I",        "-c",     code});
}

/// 8. The sandbox: each layer, a spare's preparation, the hand-over, throughput against bwrap.
void sandbox_costs();
/// 9. HTTP: reads, lists and writes against a bare Beast server and FastAPI on the same data.
void http_costs();
/// 10. Types: introspection, comparisons, the check of a large workflow.
void type_costs();
/// 11. The engine: decisions, rounds of loops, tries.
void engine_costs();
/// 12. Kept workers, checkpoints, waiting executions, memory shared by branches.
void lasting_costs();
/// Only the throughput of eight clients with `each` executions, for profiling.
void fresh_processes(int each);

}  // namespace qflow::bench
