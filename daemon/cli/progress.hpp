// Progress of a running workflow: on a terminal a live line for each node, in a pipe one plain line for each ended
// node. Written to standard error. One thread.
#pragma once
#include <string>
#include <vector>

#include "daemon/base/async.hpp"
#include "daemon/engine/outcome.hpp"
#include "daemon/flow/plan.hpp"

namespace qflow::cli {

class Progress {
 public:
  enum class Style { none, plain, live };
  /// Live where standard error is a terminal with room for every node, otherwise plain.
  static Style style_for(const flow::Plan& plan, bool quiet);

  Progress(const flow::Plan& plan, Style style);
  void on_step(std::size_t step, const engine::StepRun& run);
  /// What a node has just printed: above the live lines.
  void on_output(std::size_t step, std::string_view text);
  /// What a node tells by `import qflow`: its progress in its line, or, in a pipe, about once a second; its log above.
  void on_note(std::size_t step, const schema::Note& note);
  /// Redraws running times until cancelled; does nothing when not live.
  Task<> tick();
  Style style() const { return style_; }
  /// Draws the final state: the nodes that did not run, what the nodes printed and was not shown yet, what they were
  /// denied, notes.
  void finish(const engine::Outcome& outcome);

 private:
  std::string line(std::size_t step) const;
  void draw();
  void put_above(const std::string& text);
  void draw_soon(const engine::StepRun& run);
  struct Line {
    engine::Status status = engine::Status::pending;
    Clock::time_point since;
    double duration_ms = 0;
    std::string note;
    bool spoke = false;      ///< its output was shown while it ran
    Clock::time_point told;  ///< when its progress was last written into a pipe
  };
  const flow::Plan& plan_;
  Style style_;
  std::vector<Line> lines_;
  std::size_t name_width_ = 0;
  Clock::time_point last_draw_;
  bool drawn_ = false;
};

/// "840 µs", "1.2 ms", "3.4 s"
std::string duration_text(double milliseconds);

}  // namespace qflow::cli
