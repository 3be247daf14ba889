#include "daemon/engine/outcome.hpp"

#include <fmt/format.h>

namespace qflow::engine {

Cause StepRun::cause() const {
  if (error) return error->cause;
  switch (status) {
    case Status::completed:
      return Cause::completed;
    case Status::skipped:
      return Cause::skipped;
    case Status::cancelled:
      return Cause::cancelled;
    default:
      return Cause::not_run;
  }
}

Cause Outcome::cause() const {
  if (status == Status::cancelled) return Cause::cancelled;
  return error ? error->cause : Cause::completed;
}

std::string expired_text(double seconds) {
  return fmt::format("the execution ran longer than its time limit of {} s (settings.timeout)", seconds);
}

std::string NodeError::sentence(const std::string& node) const {
  std::string text = type + (message.empty() ? "" : ": " + message);
  return line ? fmt::format("{} (node '{}', line {})", text, node, *line) : fmt::format("{} (node '{}')", text, node);
}

}  // namespace qflow::engine
