// Workers' output as whole lines, with the step that wrote them, for live viewers. Engine strand.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "daemon/flow/plan.hpp"

namespace qflow::engine {

/// Called with lines (or with a line so far, when it is long) that a step wrote.
using OutputObserver = std::function<void(std::size_t step, bool standard_error, std::string_view text)>;

class LiveOutput {
 public:
  LiveOutput(const flow::Plan& plan, OutputObserver observer) : plan_(plan), observer_(std::move(observer)) {}
  /// Text of the worker of `group`, written after the mark `after` (0: before the first).
  void feed(std::size_t group, bool standard_error, std::uint32_t after, std::string_view text);
  /// The step's start was reported: hands on what it wrote before that (a worker runs ahead of its answers).
  void begin(std::size_t step);
  /// The step ends: hands on its last, unfinished line.
  void end(std::size_t step);

 private:
  std::size_t step_after(std::size_t group, std::uint32_t mark) const;
  void hand_on(std::size_t step, bool standard_error, bool all);

  const flow::Plan& plan_;
  OutputObserver observer_;
  std::map<std::pair<std::size_t, bool>, std::string> parts_;  ///< by step and stream
  std::set<std::size_t> begun_;
};

}  // namespace qflow::engine
