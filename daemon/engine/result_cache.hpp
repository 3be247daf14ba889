// Values of nodes that are used again instead of being made (a node's `cache`). Engine strand.
#pragma once
#include <optional>
#include <string>

#include "daemon/base/async.hpp"
#include "daemon/store/cache_rows.hpp"
#include "daemon/store/store.hpp"

namespace qflow::engine {

/// A value as its worker has written it, and as the record shows it.
struct CachedValue {
  std::string encoding, bytes, type, preview;
  bool exact = false, truncated = false;
};

class ResultCache {
 public:
  /// `store` may be null: then nothing is ever found.
  explicit ResultCache(store::Store* store) : store_(store) {}
  /// The user's value of that key; nothing also when it cannot be read.
  Task<std::optional<CachedValue>> find(std::string user, std::string key);
  /// Keeps it for `ttl` seconds, or any time, in the background. A failure is logged.
  void put(std::string user, std::string key, CachedValue value, std::optional<double> ttl,
           const asio::any_io_executor& executor);

  /// Waits until what was put is on disk, or could not be.
  Task<> settle();

 private:
  std::optional<CachedValue> read_value(const store::CachedRow& row) const;
  Task<> write(std::string user, std::string key, CachedValue value, std::optional<double> ttl);
  store::Store* store_;
  std::size_t writing_ = 0;
};

}  // namespace qflow::engine
