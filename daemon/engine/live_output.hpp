// What workers write, as whole lines with the step that wrote them, for those who watch. Engine strand.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "daemon/engine/plan.hpp"

namespace qflow::engine {

/// Told of lines (or of a line so far, when it is long) that a step wrote.
using OutputObserver = std::function<void(std::size_t step, bool standard_error, std::string_view text)>;

class LiveOutput {
 public:
  LiveOutput(const Plan& plan, OutputObserver observer) : plan_(plan), observer_(std::move(observer)) {}
  /// Text of the worker of `group`, written after the mark `after` (0: before the first).
  void feed(std::size_t group, bool standard_error, std::uint32_t after, std::string_view text);
  /// Hands on lines that have no end.
  void flush();

 private:
  struct Part {
    std::size_t step = 0;
    std::string text;
  };
  std::size_t step_after(std::size_t group, std::uint32_t mark) const;
  void hand_on(bool standard_error, Part& part, std::size_t size);

  const Plan& plan_;
  OutputObserver observer_;
  std::map<std::pair<std::size_t, bool>, Part> parts_;  ///< by group and stream
};

}  // namespace qflow::engine
