#include "daemon/engine/result_cache.hpp"

#include <algorithm>

#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"
#include "sandbox/sys.hpp"

namespace qflow::engine {

std::optional<CachedValue> ResultCache::read_value(const store::CachedRow& row) const {
  CachedValue out{row.encoding, "", row.type, row.preview, row.exact, row.truncated};
  try {
    out.bytes = sandbox::read_file(store_->blob_path(row.hash_sha256), static_cast<std::size_t>(row.size) + 1);
  } catch (const sandbox::SysError&) {
    return std::nullopt;
  }
  if (out.bytes.size() != static_cast<std::size_t>(row.size)) return std::nullopt;
  return out;
}

Task<std::optional<CachedValue>> ResultCache::find(std::string user, std::string key) {
  if (store_ == nullptr) co_return std::nullopt;
  auto look = [user, key](sqlite::Db& db) { return store::find_cached(db, user, key, now_us()); };
  std::optional<CachedValue> found;
  try {
    const std::optional<store::CachedRow> row = co_await store_->read(std::move(look));
    if (!row) co_return std::nullopt;
    // Not while it has a reader's connection: it may be large.
    auto read = [this, &row] { return read_value(*row); };
    found = co_await store_->offload(std::move(read));
  } catch (const std::exception& problem) {
    log::warning("engine", "a cached value could not be looked for", {{"reason", problem.what()}});
  }
  if (found) store_->post([user, key](sqlite::Tx& tx) { store::use_cached(tx, user, key, now_us()); });
  co_return found;
}

void ResultCache::put(std::string user, std::string key, CachedValue value, std::optional<double> ttl,
                      const asio::any_io_executor& executor) {
  if (store_ == nullptr) return;
  ++writing_;
  asio::co_spawn(executor, write(std::move(user), std::move(key), std::move(value), ttl), asio::detached);
}

Task<> ResultCache::write(std::string user, std::string key, CachedValue value, std::optional<double> ttl) {
  try {
    store::CachedRow row;
    row.user_id = std::move(user);
    row.key = std::move(key);
    row.encoding = value.encoding;
    row.size = static_cast<std::int64_t>(value.bytes.size());
    row.type = value.type;
    row.preview = value.preview;
    row.exact = value.exact;
    row.truncated = value.truncated;
    row.created_at = row.used_at = now_us();
    if (ttl) row.expires_at = row.created_at + static_cast<std::int64_t>(std::min(*ttl, 1e10) * 1e6);
    auto put = [this, &value] { return store_->put_blob(value.bytes); };
    row.hash_sha256 = co_await store_->offload(std::move(put));
    auto job = [row = std::move(row)](sqlite::Tx& tx) { store::put_cached(tx, row); };
    co_await store_->write(std::move(job));
  } catch (const std::exception& problem) {
    log::warning("engine", "a value could not be cached", {{"reason", problem.what()}});
  }
  --writing_;
}

Task<> ResultCache::settle() {
  while (writing_ > 0) co_await sleep_for(std::chrono::milliseconds(2));
}

}  // namespace qflow::engine
