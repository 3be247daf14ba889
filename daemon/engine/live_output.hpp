// Workers' output as whole lines, with the step that wrote them, for live viewers. Engine strand.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "daemon/flow/plan.hpp"

namespace qflow::engine {

/// Called with lines (or with a line so far, when it is long) that a step wrote.
using OutputObserver = std::function<void(std::size_t step, bool standard_error, std::string_view text)>;

class LiveOutput {
 public:
  explicit LiveOutput(OutputObserver observer) : observer_(std::move(observer)) {}
  /// The worker of a lane, by its number, is asked for request `id`, of `step`: it answers in the order in which it is
  /// asked.
  void asked(std::size_t channel, std::uint32_t id, std::size_t step);
  /// Text of that worker, written after the mark `after` (0: before the first).
  void feed(std::size_t channel, bool standard_error, std::uint32_t after, std::string_view text);
  /// The step's start was reported: hands on what it wrote before that (a worker runs ahead of its answers).
  void begin(std::size_t channel, std::size_t step);
  /// The step ends: hands on its last, unfinished line.
  void end(std::size_t channel, std::size_t step);
  /// The worker of that lane is gone, and all that it wrote has been handed on.
  void forget(std::size_t channel);

 private:
  using Part = std::tuple<std::size_t, std::size_t, bool>;  ///< lane, step, standard error
  void hand_on(const Part& part, bool all);

  OutputObserver observer_;
  std::map<std::pair<std::size_t, std::uint32_t>, std::size_t>
      after_;                                  ///< by lane and request: the step of the next one
  std::map<std::size_t, std::uint32_t> last_;  ///< by lane: the request asked last
  std::map<Part, std::string> parts_;
  std::set<std::pair<std::size_t, std::size_t>> begun_;  ///< lane, step
};

}  // namespace qflow::engine
