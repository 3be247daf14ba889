#include "daemon/api/executions/executions.hpp"

#include <fmt/format.h>

#include <map>

#include "daemon/api/executions/execution_view.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/running.hpp"

namespace qflow::api {
namespace {

// The status words of both dialects (daemon/api/README.md, "Conventions").
std::string status_word(const std::string& word) {
  static const std::map<std::string, std::string> kWords{
      {"queued", "queued"},       {"new", "queued"},          {"running", "running"},
      {"completed", "completed"}, {"success", "completed"},   {"failed", "failed"},
      {"error", "failed"},        {"cancelled", "cancelled"}, {"canceled", "cancelled"},
      {"crashed", "crashed"},     {"waiting", "waiting"},     {"unknown", "unknown"}};  // the last two never occur here
  const auto found = kWords.find(word);
  if (found == kWords.end())
    throw Fault(
        FaultKind::bad_input, "invalid_query",
        fmt::format("status: \"{}\" is not one of queued, running, completed, failed, cancelled, crashed", word));
  return found->second;
}

Task<Reply> list_page(Services& services, store::ExecutionQuery query) {
  auto job = [query](sqlite::Db& db) { return store::list_executions(db, query); };
  const store::ExecutionPage page = co_await services.store.read(std::move(job));
  json::array rows;
  for (const auto& row : page.rows) rows.push_back(summary_view(row));
  co_return Reply::of(json::object{{"count", page.count}, {"results", std::move(rows)}, {"estimated", page.estimated}});
}

// The query of a list request: members of the documented `filter` and `options`, or shorter query parameters.
class Question {
 public:
  explicit Question(const Request& request)
      : request_(request), filter_(request.object("filter")), options_(request.object("options")) {}

  std::optional<std::string> text(const char* name) const {
    const json::value* value = filter_.if_contains(name);
    if (value == nullptr || value->is_null()) return request_.text(name);
    if (value->is_array() && value->get_array().size() == 1) value = &value->get_array().front();
    if (!value->is_string())
      throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("filter.{}: expected a string", name));
    return std::string(std::string_view(value->get_string()));
  }
  std::vector<std::string> texts(const char* name) const {
    const json::value* value = filter_.if_contains(name);
    std::vector<std::string> all;
    if (value != nullptr && value->is_array()) {
      for (const auto& one : value->get_array()) {
        if (!one.is_string())
          throw Fault(FaultKind::bad_input, "invalid_query", fmt::format("filter.{}: expected strings", name));
        all.emplace_back(std::string_view(one.get_string()));
      }
    } else if (const auto one = text(name)) {
      all.push_back(*one);
    }
    return all;
  }
  std::int64_t option(const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most) const {
    const json::value* value = options_.if_contains(name);
    if (value == nullptr) return request_.integer(name, fallback, least, most);
    if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most)
      throw Fault(FaultKind::bad_input, "invalid_query",
                  fmt::format("options.{}: expected a whole number from {} to {}", name, least, most));
    return value->get_int64();
  }
  /// The id that an execution started at that time would have.
  std::optional<std::string> id_at(const char* name) const {
    const auto value = text(name);
    if (!value) return std::nullopt;
    const auto time = parse_time(*value);
    if (!time)
      throw Fault(FaultKind::bad_input, "invalid_query",
                  fmt::format("{}: expected a time such as 2026-01-31T12:00:00Z", name));
    return first_id_at(*time);
  }

 private:
  const Request& request_;
  json::object filter_, options_;
};

// A reply made from a record, which takes its room along.
Task<Reply> show(Services& services, const Request& request, json::object (*view)(const services::ExecutionRecord&)) {
  auto job = [&services, view, id = request.parameter("id"), node = request.text("node"),
              caller = request.caller](sqlite::Db& db) {
    const services::ExecutionRecord record = node ? services::node_record(services, db, *caller, id, *node)
                                                  : services::execution_record(services, db, *caller, id);
    Reply reply = Reply::of(view(record));
    reply.room = record.room;
    return reply;
  };
  Reply reply = co_await services.store.read(std::move(job));
  co_return reply;
}

}  // namespace

Task<Reply> list_executions(Services& services, const Request& request) {
  const Question question(request);
  store::ExecutionQuery query;
  query.limit = question.option("limit", request.integer("take", 20, 1, 100), 1, 100);
  query.skip = question.option("skip", 0, 0, 1'000'000'000);
  query.before = question.text("lastId").value_or("");
  query.after = question.text("firstId").value_or("");
  if (const auto from = question.id_at("startedAfter")) query.after = std::max(query.after, *from);
  if (const auto until = question.id_at("startedBefore"))
    query.before = query.before.empty() ? *until : std::min(query.before, *until);
  query.workflow_id = question.text("workflowId");
  const auto statuses = question.texts("status");
  if (statuses.size() == 1) query.status = status_word(statuses.front());
  if (statuses.size() > 1) {
    json::array words;
    for (const auto& one : statuses) words.push_back(json::value(status_word(one)));
    query.statuses = json::serialize(words);
  }
  query.created_by = request.caller->owner_filter();
  return list_page(services, std::move(query));
}

Task<Reply> list_active_executions(Services& services, const Request& request) {
  store::ExecutionQuery query;
  query.limit = 100;
  query.statuses = R"(["queued","running"])";
  query.created_by = request.caller->owner_filter();
  return list_page(services, std::move(query));
}

Task<Reply> get_execution(Services& services, const Request& request) {
  return show(services, request, execution_view);
}

Task<Reply> get_execution_data(Services& services, const Request& request) {
  return show(services, request, data_view);
}

Task<Reply> get_execution_workflow(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), caller = request.caller](sqlite::Db& db) {
    return services::executed_document(db, *caller, id);
  };
  Reply reply;
  reply.body = co_await services.store.read(std::move(job));
  co_return reply;
}

Task<Reply> delete_execution(Services& services, const Request& request) {
  co_await services::delete_execution(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> stop_execution(Services& services, const Request& request) {
  co_await services::stop_execution(services, *request.caller, request.parameter("id"));
  Reply reply = co_await show(services, request, execution_view);
  co_return reply;
}

}  // namespace qflow::api
