#include "daemon/services/execution_list.hpp"

#include <algorithm>

#include "daemon/base/ids.hpp"

namespace qflow::services {

Task<store::ExecutionPage> list_executions(Services& services, const auth::Caller& caller, ExecutionQuestion question) {
  store::ExecutionQuery query;
  query.limit = question.limit;
  query.skip = question.skip;
  query.before = std::move(question.before);
  query.after = std::move(question.after);
  // Ids begin with their time, so that a range of times is one of ids, which the index has.
  if (question.started_after) query.after = std::max(query.after, first_id_at(*question.started_after));
  if (question.started_before) {
    const std::string bound = first_id_at(*question.started_before);
    query.before = query.before.empty() ? bound : std::min(query.before, bound);
  }
  query.workflow_id = std::move(question.workflow_id);
  if (question.statuses.size() == 1) query.status = question.statuses.front();
  if (question.statuses.size() > 1) query.statuses = json::serialize(json::value_from(question.statuses));
  query.created_by = caller.owner_filter();
  auto job = [query = std::move(query)](sqlite::Db& db) { return store::list_executions(db, query); };
  return services.store.read(std::move(job));
}

Task<store::ExecutionPage> list_active_executions(Services& services, const auth::Caller& caller) {
  ExecutionQuestion question;
  question.limit = 100;
  question.statuses = {"queued", "running", "waiting"};
  return list_executions(services, caller, std::move(question));
}

}  // namespace qflow::services
