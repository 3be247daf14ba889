// Receives what executions do, while they do it, for events, metrics and sums. Engine strand; must not block.
#pragma once
#include <string_view>

#include "daemon/engine/outcome.hpp"

namespace qflow::engine {

struct Order;

class Listener {
 public:
  virtual ~Listener() = default;
  /// It waits for a place. `position`: how many of its user's, or of its group (settings.concurrency), come before it,
  /// and itself; `waiting`: how many wait in all.
  virtual void on_wait(const Order& order, std::size_t position, std::size_t waiting) = 0;
  /// It begins.
  virtual void on_start(const Order& order) = 0;
  /// A step began or ended.
  virtual void on_step(const Order& order, std::size_t step, const StepRun& run) = 0;
  /// Whether anybody would see the text that on_output() delivers. Asked once, when an execution starts.
  virtual bool wants_output() const = 0;
  /// Text that a step has just written, as far as it is kept: whole characters, in the order of each stream.
  virtual void on_output(const Order& order, std::size_t step, bool standard_error, std::string_view text) = 0;
  /// What a step tells by `import qflow`: progress, a line, something to show.
  virtual void on_note(const Order& order, std::size_t step, const schema::Note& note) = 0;
  /// A value of so many bytes is kept for a restart; writing it took so many milliseconds.
  virtual void on_keep(std::size_t bytes, double milliseconds) = 0;
  /// It waits, without a worker or a place, and its record says so.
  virtual void on_suspend(const Order& order, const Outcome& outcome) = 0;
  /// It is over: its record is on disk, unless it has none or that failed.
  virtual void on_end(const Order& order, const Outcome& outcome) = 0;
};

}  // namespace qflow::engine
