#include "daemon/services/usage_report.hpp"

#include "daemon/base/time.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

}  // namespace

Task<std::vector<store::UsageSum>> usage_of(Services& services, const auth::Caller& caller, store::UsageBy by,
                                            std::int64_t days) {
  auto job = [by, owner = caller.owner_filter(), from = now_us() / kDay - days + 1](sqlite::Db& db) {
    return store::usage(db, by, owner, from);
  };
  auto found = co_await services.store.read(std::move(job));
  co_return found;
}

store::UsageSum total_of(const std::vector<store::UsageSum>& groups) {
  store::UsageSum all;
  for (const auto& one : groups) {
    all.executions += one.executions;
    all.completed += one.completed;
    all.duration_ms += one.duration_ms;
    all.longest_ms = std::max(all.longest_ms, one.longest_ms);
    all.cpu_us += one.cpu_us;
  }
  return all;
}

Task<store::RowCounts> kept_by(Services& services, const auth::Caller& caller) {
  auto job = [owner = caller.owner_filter()](sqlite::Db& db) { return store::count_rows(db, owner); };
  const store::RowCounts counts = co_await services.store.read(std::move(job));
  co_return counts;
}

Task<ErrorReport> errors_of(Services& services, const auth::Caller& caller, std::int64_t days, std::int64_t limit) {
  auto job = [owner = caller.owner_filter(), limit, since = now_us() - days * kDay](sqlite::Db& db) {
    ErrorReport report;
    report.by_type = store::error_sums(db, owner, since);
    report.recent = store::recent_errors(db, owner, limit);
    return report;
  };
  ErrorReport report = co_await services.store.read(std::move(job));
  co_return report;
}

}  // namespace qflow::services
