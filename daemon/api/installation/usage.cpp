#include "daemon/api/installation/usage.hpp"

#include "daemon/store/usage_rows.hpp"

#include "daemon/base/time.hpp"

namespace qflow::api {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

std::int64_t days_back(const Request& request) { return request.integer("days", 30, 1, 3660); }

json::object sum_view(const store::UsageSum& s) {
  const double n = static_cast<double>(std::max<std::int64_t>(s.executions, 1));
  return {{"executions", s.executions},
          {"completed", s.completed},
          {"success_rate", static_cast<double>(s.completed) / n},
          {"average_duration_ms", s.duration_ms / n},
          {"longest_duration_ms", s.longest_ms},
          {"total_duration_ms", s.duration_ms},
          {"cpu_ms", static_cast<double>(s.cpu_us) / 1000}};
}

store::UsageSum total(const std::vector<store::UsageSum>& sums) {
  store::UsageSum all;
  for (const auto& one : sums) {
    all.executions += one.executions;
    all.completed += one.completed;
    all.duration_ms += one.duration_ms;
    all.longest_ms = std::max(all.longest_ms, one.longest_ms);
    all.cpu_us += one.cpu_us;
  }
  return all;
}

Task<std::vector<store::UsageSum>> sums(Services& services, const Request& request, store::UsageBy by) {
  auto job = [by, owner = request.caller->owner_filter(), from = now_us() / kDay - days_back(request) + 1](
                 sqlite::Db& db) { return store::usage(db, by, owner, from); };
  auto found = co_await services.store.read(std::move(job));
  co_return found;
}

json::array rows_view(const std::vector<store::UsageSum>& rows, const char* key) {
  json::array out;
  for (const auto& row : rows) {
    json::object one{{key, row.key}};
    for (auto& [name, value] : sum_view(row)) one[name] = value;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Task<Reply> get_usage(Services& services, const Request& request) {
  const auto by_status = co_await sums(services, request, store::UsageBy::status);
  auto job = [owner = request.caller->owner_filter()](sqlite::Db& db) { return store::count_rows(db, owner); };
  const store::RowCounts counts = co_await services.store.read(std::move(job));
  co_return Reply::of(json::object{{"days", days_back(request)},
                                   {"executions", sum_view(total(by_status))},
                                   {"workflows", counts.workflows},
                                   {"active_workflows", counts.active_workflows},
                                   {"nodes", counts.nodes},
                                   {"credentials", counts.credentials},
                                   {"files", counts.files},
                                   {"file_bytes", counts.file_bytes},
                                   {"kept_bytes", counts.kept_bytes},
                                   {"kept_bytes_limit", services::quota_of(services)}});
}

Task<Reply> get_workflow_usage(Services& services, const Request& request) {
  const auto rows = co_await sums(services, request, store::UsageBy::workflow);
  co_return Reply::of(json::object{{"days", days_back(request)}, {"workflows", rows_view(rows, "workflowId")}});
}

Task<Reply> get_execution_usage(Services& services, const Request& request) {
  const auto by_day = co_await sums(services, request, store::UsageBy::day);
  const auto by_status = co_await sums(services, request, store::UsageBy::status);
  co_return Reply::of(json::object{{"days", days_back(request)},
                                   {"by_day", rows_view(by_day, "day")},
                                   {"by_status", rows_view(by_status, "status")}});
}

Task<Reply> get_performance(Services& services, const Request& request) {
  const auto by_day = co_await sums(services, request, store::UsageBy::day);
  const auto by_workflow = co_await sums(services, request, store::UsageBy::workflow);
  co_return Reply::of(json::object{{"days", days_back(request)},
                                   {"total", sum_view(total(by_day))},
                                   {"by_day", rows_view(by_day, "day")},
                                   {"by_workflow", rows_view(by_workflow, "workflowId")}});
}

Task<Reply> get_errors(Services& services, const Request& request) {
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  auto job = [owner = request.caller->owner_filter(), limit,
              since = now_us() - days_back(request) * kDay](sqlite::Db& db) {
    return std::make_pair(store::error_sums(db, owner, since), store::recent_errors(db, owner, limit));
  };
  const auto found = co_await services.store.read(std::move(job));
  json::array types, recent;
  for (const auto& sum : found.first)
    types.push_back(json::object{{"error_type", sum.error_type}, {"count", sum.count}});
  for (const auto& error : found.second) {
    json::object one{{"error_type", error.error_type},
                     {"message", error.error_message},
                     {"executionId", nullptr},
                     {"workflowId", nullptr},
                     {"node", error.node_id},
                     {"severity", error.severity},
                     {"at", iso_time(error.recorded_at)}};
    if (error.workflow_execution_id) one["executionId"] = *error.workflow_execution_id;
    if (error.workflow_id) one["workflowId"] = *error.workflow_id;
    recent.push_back(std::move(one));
  }
  co_return Reply::of(
      json::object{{"days", days_back(request)}, {"by_type", std::move(types)}, {"recent", std::move(recent)}});
}

}  // namespace qflow::api
