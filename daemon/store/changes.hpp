// Counts changes to the parts of the database: data read before a counter moved may be old. Any thread.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace qflow::store {

/// Parts of the database, as bits, so that a reader can name several.
enum Part : unsigned {
  kWorkflows = 1,   ///< with versions, tags, folders, templates
  kExecutions = 2,  ///< with nodes and files
  kLibrary = 4,     ///< python nodes, types
  kPeople = 8,      ///< users, sessions, keys
  kRest = 16
};
inline constexpr unsigned kParts = 5;

class Changes {
 public:
  /// Moves whenever one of these parts has changed.
  std::uint64_t of(unsigned parts) const {
    std::uint64_t sum = 0;
    for (unsigned i = 0; i < kParts; ++i)
      if ((parts >> i & 1U) != 0) sum += counters_[i].load(std::memory_order_acquire);
    return sum;
  }
  void bump(unsigned parts) {
    for (unsigned i = 0; i < kParts; ++i)
      if ((parts >> i & 1U) != 0) counters_[i].fetch_add(1, std::memory_order_release);
  }
  /// The part that a table belongs to.
  static Part part_of(std::string_view table);

 private:
  std::array<std::atomic<std::uint64_t>, kParts> counters_{};
};

}  // namespace qflow::store
