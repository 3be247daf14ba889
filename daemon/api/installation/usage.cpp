#include "daemon/api/installation/usage.hpp"

#include "daemon/base/time.hpp"
#include "daemon/services/usage_report.hpp"

namespace qflow::api {
namespace {

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
  const std::int64_t days = days_back(request);
  const auto by_status = co_await services::usage_of(services, *request.caller, store::UsageBy::status, days);
  const store::RowCounts counts = co_await services::kept_by(services, *request.caller);
  co_return Reply::of(json::object{{"days", days},
                                   {"executions", sum_view(services::total_of(by_status))},
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
  const std::int64_t days = days_back(request);
  const auto rows = co_await services::usage_of(services, *request.caller, store::UsageBy::workflow, days);
  co_return Reply::of(json::object{{"days", days}, {"workflows", rows_view(rows, "workflowId")}});
}

Task<Reply> get_execution_usage(Services& services, const Request& request) {
  const std::int64_t days = days_back(request);
  const auto by_day = co_await services::usage_of(services, *request.caller, store::UsageBy::day, days);
  const auto by_status = co_await services::usage_of(services, *request.caller, store::UsageBy::status, days);
  co_return Reply::of(json::object{
      {"days", days}, {"by_day", rows_view(by_day, "day")}, {"by_status", rows_view(by_status, "status")}});
}

Task<Reply> get_performance(Services& services, const Request& request) {
  const std::int64_t days = days_back(request);
  const auto by_day = co_await services::usage_of(services, *request.caller, store::UsageBy::day, days);
  const auto by_workflow = co_await services::usage_of(services, *request.caller, store::UsageBy::workflow, days);
  co_return Reply::of(json::object{{"days", days},
                                   {"total", sum_view(services::total_of(by_day))},
                                   {"by_day", rows_view(by_day, "day")},
                                   {"by_workflow", rows_view(by_workflow, "workflowId")}});
}

Task<Reply> get_errors(Services& services, const Request& request) {
  const std::int64_t days = days_back(request);
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  const services::ErrorReport report = co_await services::errors_of(services, *request.caller, days, limit);
  json::array types, recent;
  for (const auto& sum : report.by_type)
    types.push_back(json::object{{"error_type", sum.error_type}, {"count", sum.count}});
  for (const auto& error : report.recent) {
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
  co_return Reply::of(json::object{{"days", days}, {"by_type", std::move(types)}, {"recent", std::move(recent)}});
}

}  // namespace qflow::api
