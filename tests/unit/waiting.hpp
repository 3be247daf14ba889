// Running a coroutine to its end in a test.
#pragma once
#include <exception>
#include <optional>

#include "daemon/base/async.hpp"

namespace qflow::test {

/// Runs the coroutine on this thread and returns its value, or throws its exception. What else waits in `io` runs
/// meanwhile.
template <class T>
T wait(asio::io_context& io, Task<T> task) {
  std::optional<T> result;
  std::exception_ptr failed;
  bool over = false;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    failed = error;
    if (!error) result.emplace(std::move(value));
    over = true;
  });
  io.restart();
  while (!over && io.run_one() > 0) continue;
  if (failed) std::rethrow_exception(failed);
  return std::move(*result);
}

inline void wait(asio::io_context& io, Task<> task) {
  auto counted = [](Task<> inner) -> Task<int> {
    co_await std::move(inner);
    co_return 0;
  };
  wait(io, counted(std::move(task)));
}

/// The same with an event loop of its own, which ends once nothing refers to it any more.
template <class T>
T wait(Task<T> task) {
  asio::io_context io;
  struct Rest {
    asio::io_context& io;
    ~Rest() { io.run(); }
  } rest{io};
  return wait(io, std::move(task));
}

inline void wait(Task<> task) {
  asio::io_context io;
  wait(io, std::move(task));
  io.run();
}

}  // namespace qflow::test
