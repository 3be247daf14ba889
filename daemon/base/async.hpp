// The few Asio names that the daemon uses. Read the rules in daemon/README.md before writing `co_await`: g++ 12
// destroys some temporaries of such an expression twice.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace qflow {
namespace asio = boost::asio;
template <class T = void>
using Task = asio::awaitable<T>;
using Clock = std::chrono::steady_clock;

/// Milliseconds on the monotonic clock.
inline double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Lets coroutines wait for a signal. One thread.
class Event {
 public:
  explicit Event(const asio::any_io_executor& executor) : timer_(executor, Clock::time_point::max()) {}
  /// Wakes all current waiters.
  void signal() { timer_.cancel(); }
  /// Waits for the next signal().
  Task<> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

 private:
  asio::steady_timer timer_;
};

/// For one coroutine at a time. One thread.
class Mutex {
 public:
  explicit Mutex(const asio::any_io_executor& executor) : freed_(executor) {}
  /// Waits until it is free, and takes it: a Held must follow.
  Task<> lock() {
    while (held_) co_await freed_.wait();
    held_ = true;
  }
  /// Frees a mutex that was locked, when it ends.
  class Held {
   public:
    explicit Held(Mutex& mutex) : mutex_(mutex) {}
    ~Held() {
      mutex_.held_ = false;
      mutex_.freed_.signal();
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    Mutex& mutex_;
  };

 private:
  Event freed_;
  bool held_ = false;
};

/// Waits for `time`. Throws boost::system::system_error when cancelled.
inline Task<> sleep_for(Clock::duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace qflow
