// Bounds the text and output kept of one execution, so that one of many nodes cannot fill the daemon. Engine strand.
#pragma once
#include <string>
#include <string_view>

#include "daemon/workers/output.hpp"

namespace qflow::engine {

/// A worker's texts are bounded by its frames only, its output by its pipes; those of one execution together are
/// bounded here: 8 MiB of texts, 64 KiB each, and 32 MiB of output.
class KeptText {
 public:
  /// The text, or its beginning with an ellipsis.
  std::string keep(std::string_view text);
  /// Appends a part of a step's output to what it wrote before, at most `most` bytes in all; the rest is counted.
  void keep_output(workers::Captured& whole, const workers::Captured& part, std::size_t most);

 private:
  std::size_t texts_ = 0, output_ = 0;  ///< bytes kept so far
};

}  // namespace qflow::engine
