#include "daemon/api/executions/executions.hpp"

#include <fmt/format.h>

#include <map>

#include "daemon/api/executions/execution_view.hpp"
#include "daemon/api/filter.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/ending.hpp"
#include "daemon/services/execution_list.hpp"
#include "daemon/services/execution_record.hpp"
#include "daemon/services/report.hpp"
#include "daemon/services/retrying.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/waiting.hpp"

namespace qflow::api {
namespace {

// The status words of both dialects (daemon/api/README.md, "Conventions").
std::string status_word(const std::string& word) {
  static const std::map<std::string, std::string> kWords{
      {"queued", "queued"},       {"new", "queued"},          {"running", "running"},
      {"completed", "completed"}, {"success", "completed"},   {"failed", "failed"},
      {"error", "failed"},        {"cancelled", "cancelled"}, {"canceled", "cancelled"},
      {"crashed", "crashed"},     {"waiting", "waiting"},     {"unknown", "unknown"}};  // the last never occurs here
  const auto found = kWords.find(word);
  if (found == kWords.end())
    throw Fault(
        FaultKind::bad_input, "invalid_query",
        fmt::format("status: \"{}\" is not one of queued, running, waiting, completed, failed, cancelled, crashed",
                    word));
  return found->second;
}

Reply page_view(const store::ExecutionPage& page) {
  json::array rows;
  for (const auto& row : page.rows) rows.push_back(summary_view(row));
  return Reply::of(json::object{{"count", page.count}, {"results", std::move(rows)}, {"estimated", page.estimated}});
}

// The query of a list request: members of the documented `filter` and `options`, or shorter query parameters.
class ListQuery {
 public:
  explicit ListQuery(const Request& request)
      : request_(request), filter_(request, "filter"), options_(request, "options") {}

  std::optional<std::string> text(const char* name) const {
    auto value = filter_.text(name);
    return value ? value : request_.text(name);
  }
  std::vector<std::string> texts(const char* name) const {
    auto all = filter_.texts(name);
    if (all.empty())
      if (auto one = request_.text(name)) all.push_back(std::move(*one));
    return all;
  }
  std::int64_t option(const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most) const {
    const auto value = options_.whole(name, least, most);
    return value ? *value : request_.integer(name, fallback, least, most);
  }
  std::optional<std::int64_t> time(const char* name) const {
    const auto value = text(name);
    if (!value) return std::nullopt;
    const auto parsed = parse_time(*value);
    if (!parsed)
      throw Fault(FaultKind::bad_input, "invalid_query",
                  fmt::format("{}: expected a time such as 2026-01-31T12:00:00Z", name));
    return parsed;
  }

 private:
  const Request& request_;
  Filter filter_, options_;
};

json::object summary_of(const services::ExecutionRecord& record) { return summary_view(record.execution); }

// A reply made from a record, which takes its room along.
Task<Reply> show(Services& services, const Request& request, json::object (*view)(const services::ExecutionRecord&)) {
  std::optional<std::int64_t> run;
  if (request.text("run")) run = request.integer("run", 0, 0, std::numeric_limits<std::int64_t>::max());
  auto job = [&services, view, id = request.parameter("id"), node = request.text("node"), run,
              caller = request.caller](sqlite::Db& db) {
    const services::ExecutionRecord record = node ? services::node_record(services, db, *caller, id, *node, run)
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
  const ListQuery asked(request);
  services::ExecutionQuestion question;
  question.limit = asked.option("limit", request.integer("take", 20, 1, 100), 1, 100);
  question.skip = asked.option("skip", 0, 0, 1'000'000'000);
  question.before = asked.text("lastId").value_or("");
  question.after = asked.text("firstId").value_or("");
  question.started_after = asked.time("startedAfter");
  question.started_before = asked.time("startedBefore");
  question.workflow_id = asked.text("workflowId");
  for (const std::string& word : asked.texts("status")) question.statuses.push_back(status_word(word));
  const auto page = co_await services::list_executions(services, *request.caller, std::move(question));
  co_return page_view(page);
}

Task<Reply> list_active_executions(Services& services, const Request& request) {
  const auto page = co_await services::list_active_executions(services, *request.caller);
  co_return page_view(page);
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

Task<Reply> get_execution_report(Services& services, const Request& request) {
  auto job = [&services, id = request.parameter("id"), caller = request.caller](sqlite::Db& db) {
    services::ExecutionRecord record = services::execution_record(services, db, *caller, id);
    std::string document = store::find_document(db, record.execution.document_hash.value_or("")).value_or("");
    return std::make_pair(std::move(record), std::move(document));
  };
  // Not on the reader's connection, which others wait for.
  const auto [record, document] = co_await services.store.read(std::move(job));
  auto make = [&services, &record = record, &document = document] {
    const services::FileReader read = [&services](const store::File& file) {
      return services::whole_output(services.store, file);
    };
    Reply reply;
    reply.body = services::report_html(record, document, read);
    reply.content_type = "text/html; charset=utf-8";
    reply.content_policy = services::kReportPolicy;
    reply.room = record.room;
    return reply;
  };
  Reply reply = co_await services.store.offload(std::move(make));
  co_return reply;
}

Task<Reply> delete_execution(Services& services, const Request& request) {
  co_await services::delete_execution(services, *request.caller, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> stop_execution(Services& services, const Request& request) {
  co_await services::stop_execution(services, *request.caller, request.parameter("id"));
  auto* view = services::may_read_records(*request.caller) ? execution_view : summary_of;
  Reply reply = co_await show(services, request, view);
  co_return reply;
}

namespace {

// One of two words; the first when the body has none.
bool is_second(Body& body, const char* member, const char* first, const char* second) {
  const auto word = body.text(member, 20);
  if (word && *word != first && *word != second)
    body.problem(std::string("/") + member, fmt::format("expected {} or {}", first, second));
  return word && *word == second;
}

}  // namespace

Task<Reply> retry_execution(Services& services, const Request& request) {
  Body body(request.json_object());
  const bool from_start = is_second(body, "from", "failed", "start");
  const bool current = is_second(body, "workflow", "stored", "current");
  body.check();
  const services::Retried retried =
      co_await services::retry_execution(services, *request.caller, request.parameter("id"), !from_start, current);
  co_return Reply::of(202, json::object{{"id", retried.started.id},
                                        {"executionId", retried.started.id},
                                        {"workflowId", retried.started.workflow_id},
                                        {"status", retried.started.queued ? "queued" : "running"},
                                        {"startedAt", iso_time(retried.started.at)},
                                        {"retryOf", request.parameter("id")},
                                        {"reused", json::value_from(retried.reused)},
                                        {"again", json::value_from(retried.again)}});
}

Task<Reply> resume_execution(Services& services, const Request& request) {
  Body body(request.json_object());
  std::optional<json::value> came;
  if (const json::value* data = body.find("data")) came = *data;
  body.check();
  co_await services::wake_execution(services, *request.caller, request.parameter("id"), std::move(came));
  co_return Reply::of(
      202,
      json::object{{"id", request.parameter("id")}, {"executionId", request.parameter("id")}, {"status", "queued"}});
}

}  // namespace qflow::api
