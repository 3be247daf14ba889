// A value that is replaced as a whole while others read it: settings that change in a running server. Any thread.
#pragma once
#include <memory>
#include <mutex>

namespace qflow {

template <class T>
class Live {
 public:
  explicit Live(T value) : value_(std::make_shared<const T>(std::move(value))) {}
  /// The value of this moment; it does not change while it is held.
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // shared with its present readers
};

}  // namespace qflow
