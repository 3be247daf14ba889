// Whether a client is still there while something is done for it.
#pragma once
#include <functional>

namespace qflow {

class Presence {
 public:
  virtual ~Presence() = default;
  /// Has `gone` called, at most once, when the client has closed its side. On the strand of the client's connection, as
  /// this function is.
  virtual void watch(std::function<void()> gone) = 0;
};

}  // namespace qflow
