// A worker's standard output or error, cut at the marks that end each load and call. Engine strand.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/denied.hpp"

namespace qflow::workers {

/// What one load or call wrote to one stream.
struct Captured {
  std::string text;                         ///< the first `limit` bytes
  std::uint64_t dropped = 0;                ///< bytes after those
  std::vector<sandbox::DeniedCall> denied;  ///< calls that were refused meanwhile, each once, at most 16
};

/// Holds at most `limit` bytes for each part not yet taken, and eight times that in all, whatever the worker writes and
/// whichever marks it forges.
class OutputCutter {
 public:
  /// `nonce`: the worker's; `limit`: bytes kept for each load or call.
  OutputCutter(std::string nonce, std::size_t limit);
  /// Adds bytes as they came from the pipe.
  void feed(std::string_view bytes);
  /// Whether the mark of `id` has been seen.
  bool ended(std::uint32_t id) const { return parts_.count(id) != 0; }
  /// The output up to the (first) mark of `id`, or since the last mark if the mark of `id` has not come.
  Captured take(std::uint32_t id);
  /// Called with text as it is kept and with the id of the last mark before it (0: none yet).
  std::function<void(std::uint32_t after, std::string_view text)> live;
  /// Bytes written since the last mark.
  std::uint64_t current_bytes() const { return current_.text.size() + current_.dropped; }

 private:
  bool take_mark(std::string_view& rest);
  void note(const sandbox::DeniedCall& call);
  void keep(std::string_view text);
  std::string mark_;  ///< the mark without its id
  std::size_t limit_;
  std::string carry_;  ///< the end of the last feed, where a mark may have begun
  Captured current_;
  std::uint32_t last_ = 0;
  std::size_t kept_ = 0;                          ///< bytes in parts_ and current_
  std::multimap<std::uint32_t, Captured> parts_;  ///< of one id, in the order in which they came
};

}  // namespace qflow::workers
