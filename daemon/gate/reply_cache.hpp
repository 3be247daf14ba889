// Replies to reads, remembered until what they depend on changes. Bounded; any thread.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/base/lru.hpp"

namespace qflow::gate {

/// At most 20,000 replies of 64 MiB together, 1 MiB each, for one second at most: `qflow run` may write to the same
/// database, and this process's counters do not see that.
class ReplyCache {
 public:
  /// The body that was remembered for `key`, or null. `generation`: the count of changes (store::Changes) of what the
  /// reply depends on; an older entry does not count.
  std::shared_ptr<const std::string> find(const std::string& key, std::uint64_t generation);
  void put(const std::string& key, std::shared_ptr<const std::string> body, std::uint64_t generation);

 private:
  struct Entry {
    std::shared_ptr<const std::string> body;  // shared with the replies that send it
    std::uint64_t generation = 0;
    Clock::time_point until;
  };
  std::mutex mutex_;
  Lru<Entry> entries_{20'000, 64U << 20U};  ///< weighed in bytes
};

}  // namespace qflow::gate
