// Who is told what executions do, while they do it: events, metrics, sums. Engine strand; must not block.
#pragma once
#include <string_view>

#include "daemon/engine/outcome.hpp"

namespace qflow::engine {

struct Order;

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_start(const Order& order) = 0;
  /// A step began or ended.
  virtual void on_step(const Order& order, std::size_t step, const StepRun& run) = 0;
  /// Whether somebody would see what on_output() brings.
  virtual bool wants_output() const = 0;
  /// Text that a step has just written, of what is kept: whole characters, in the order of each stream.
  virtual void on_output(const Order& order, std::size_t step, bool standard_error, std::string_view text) = 0;
  /// The record is on disk.
  virtual void on_end(const Order& order, const Outcome& outcome) = 0;
};

}  // namespace qflow::engine
