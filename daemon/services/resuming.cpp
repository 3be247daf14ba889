#include "daemon/services/resuming.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "daemon/flow/control.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/background.hpp"
#include "daemon/services/checking.hpp"
#include "daemon/services/concurrency_key.hpp"
#include "daemon/services/ending.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/partial_run.hpp"
#include "daemon/services/sub_workflows.hpp"
#include "daemon/services/waiting.hpp"
#include "daemon/services/workflow_document.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::services {
namespace {

constexpr std::size_t kMostResumed = 200;  // in memory at a time; the others wait in the store
constexpr std::size_t kMostOfWorkflow = 20;
constexpr auto kPause = std::chrono::milliseconds(50);

// The user whose execution it is; one without access runs nothing.
void require_access(sqlite::Db& db, const store::Execution& row) {
  if (!row.created_by) return;
  const auto user = store::find_user(db, *row.created_by);
  if (!user || !user->is_active)
    throw Fault(FaultKind::forbidden, "no_access", "the user who started it no longer has access");
}

// The workflows that ran one another down to this execution, without its own.
std::vector<std::string> callers_of(sqlite::Db& db, const store::Execution& row) {
  std::vector<std::string> out;
  std::optional<std::string> parent = row.parent_execution_id;
  while (parent && out.size() < flow::kMostDepth) {
    const auto above = store::find_summary(db, *parent);
    if (!above) break;
    out.insert(out.begin(), above->workflow_id.value_or(""));
    parent = above->parent_execution_id;
  }
  return out;
}

// Plans a queued execution anew, from the document that was kept with it.
Task<engine::Order> queued_order(Services& services, const store::Execution& row) {
  auto read = [row](sqlite::Db& db) {
    require_access(db, row);
    return std::make_tuple(store::find_document(db, row.document_hash.value_or("")).value_or(""),
                           recorded_state(db, row.id), callers_of(db, row));
  };
  if (row.mode == "workflow")
    throw Fault(FaultKind::conflict, "crashed", "the execution that waited for it has ended with its process");
  engine::Order order;
  auto [text, recorded, callers] = co_await services.store.read(std::move(read));
  const json::value document = stored_json(text);
  if (!document.is_object())
    throw Fault(FaultKind::internal, "missing_document", "what it was to run is not in the store");
  flow::Graph graph = flow::read_workflow(document.get_object());
  if (!graph.python_version && !row.python_version.empty()) graph.python_version = row.python_version;
  order.created_by = row.created_by.value_or("");
  co_await settle_container(services, graph, order.created_by);
  plan_part(graph, *services.settings.get(), part_in(document.get_object()), order);
  order.catalog = co_await catalog_of(services, order.created_by);
  order.input_is_recorded = row.bytes > 0;
  order.execution_id = row.id;
  order.workflow_id = row.workflow_id;
  order.workflow_name = row.workflow_name;
  order.mode = row.mode;
  order.input_rules = rules_of(row.mode);
  order.queued = order.resumable = order.may_wait = true;
  order.concurrency_key = row.concurrency_key.value_or("");
  order.concurrency = concurrency_rule(graph, row.workflow_id, order.concurrency_key);
  order.quota = quota_of(services);
  order.goes_on = crash_policy(graph, row.mode) == flow::OnCrash::resume;
  order.resume_url = resume_url(services, row.id);
  order.parent = row.parent_execution_id;
  order.callers = std::move(callers);
  let_call_workflows(services, order);
  auto resume = [&services, &recorded = recorded, &plan = order.plan] {
    return resumption_of(plan, recorded, services.store);
  };
  order.resumed = co_await services.store.offload(std::move(resume));
  order.room = waiting_room(services, order.created_by, text.size());
  co_return order;
}

// Those of one workflow that are in memory; many that wait for one another must not keep out the others.
class OfWorkflows {
 public:
  bool enter(const std::string& workflow) {
    const std::lock_guard lock(mutex_);
    std::size_t& count = counts_[workflow];
    return count < kMostOfWorkflow && ++count > 0;
  }
  void leave(const std::string& workflow) {
    const std::lock_guard lock(mutex_);
    if (--counts_[workflow] == 0) counts_.erase(workflow);
  }
  bool has_room(const std::string& workflow) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(workflow);
    return found == counts_.end() || found->second < kMostOfWorkflow;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::size_t> counts_;
};

// Ids that are still to be started: in their order, but for those of a workflow of which enough are there.
class Left {
 public:
  explicit Left(const std::vector<std::string>& ids) : ids_(ids.begin(), ids.end()) {}
  bool empty() const { return ids_.empty() && held_.empty(); }
  std::size_t size() const { return ids_.size(); }
  /// Empty: all of them are held back.
  std::string next(OfWorkflows& loaded) {
    for (auto at = held_.begin(); at != held_.end(); ++at)
      if (loaded.has_room(at->first)) {
        std::string id = std::move(at->second.front());
        at->second.pop_front();
        if (at->second.empty()) held_.erase(at);
        return id;
      }
    if (ids_.empty()) return {};
    std::string id = std::move(ids_.front());
    ids_.pop_front();
    return id;
  }
  void again_later(std::string id) { ids_.push_back(std::move(id)); }
  void hold(const std::string& workflow, std::string id) { held_[workflow].push_back(std::move(id)); }

 private:
  std::deque<std::string> ids_;
  std::map<std::string, std::deque<std::string>> held_;
};

Task<> end_unresumed(Services& services, const store::Execution& row, const Fault& fault) {
  return end_queued(services, row, fault.code == "crashed" ? "crashed" : "failed", "it cannot go on: " + fault.message);
}

struct Resuming {
  ResumedCount running;
  std::shared_ptr<OfWorkflows> loaded = std::make_shared<OfWorkflows>();  // shared with the executions that it counts
};

Task<> start_again(Services& services, const store::Execution& row, const Resuming& resuming) {
  engine::Order order = co_await queued_order(services, row);
  auto job = [&services, order = std::move(order)]() mutable { return run_in_background(services, std::move(order)); };
  ++*resuming.running;
  auto over = [running = resuming.running, loaded = resuming.loaded,
               workflow = row.workflow_id.value_or("")](std::exception_ptr) {
    --*running;
    loaded->leave(workflow);
  };
  asio::co_spawn(services.engine_executor, std::move(job), std::move(over));
}

// False: something failed that may work later.
Task<bool> resume_one(Services& services, std::string id, Left& left, const Resuming& resuming) {
  auto find = [id](sqlite::Db& db) { return store::find_summary(db, id); };
  const auto row = co_await services.store.read(std::move(find));
  if (!row || row->status != "queued") co_return true;  // stopped or deleted meanwhile
  const std::string workflow = row->workflow_id.value_or("");
  if (!resuming.loaded->enter(workflow)) {
    left.hold(workflow, std::move(id));
    co_return true;
  }
  std::optional<Fault> fault;
  try {
    co_await start_again(services, *row, resuming);
    co_return true;
  } catch (const Fault& problem) {
    fault = problem;
  } catch (...) {
    resuming.loaded->leave(workflow);
    throw;
  }
  resuming.loaded->leave(workflow);
  if (fault->kind == FaultKind::unavailable) co_return false;
  co_await end_unresumed(services, *row, *fault);
  co_return true;
}

}  // namespace

Task<> resume_queued(Services& services, std::vector<std::string> ids, ResumedCount running) {
  if (!running) running = std::make_shared<std::atomic<std::size_t>>(0);
  const Resuming resuming{running};
  Left left(ids);
  for (std::size_t in_vain = 0; !left.empty();) {
    while (*running >= kMostResumed) co_await sleep_for(kPause);
    const std::string id = left.next(*resuming.loaded);
    if (id.empty()) {
      co_await sleep_for(kPause);
      continue;
    }
    bool done = false;
    try {
      done = co_await resume_one(services, id, left, resuming);
    } catch (const std::exception& error) {
      log::error("services", "a queued execution could not be started again; it will be tried again",
                 {{"execution_id", id}, {"reason", error.what()}});
    }
    in_vain = done ? 0 : in_vain + 1;
    if (!done) left.again_later(id);  // it does not hold up the others
    if (!done && in_vain >= left.size()) co_await sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace qflow::services
