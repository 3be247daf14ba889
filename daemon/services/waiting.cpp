#include "daemon/services/waiting.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <map>
#include <set>

#include "daemon/base/time.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/ending.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/resuming.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_document.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostDue = 100;          // woken at a time
constexpr std::int64_t kMostRecord = 64 << 20;  // bytes of an execution's record
constexpr auto kLongestSleep = std::chrono::seconds(1);

std::string token_of(const Services& services, const std::string& id) {
  const std::string text = "resume " + id;
  std::array<unsigned char, 24> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     services.credential_key.data(), services.credential_key.size());
  std::array<char, 2 * hash.size() + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return hex.data();
}

// False: it does not wait (any more). Its start is nobody's who calls here.
Task<bool> wake(Services& services, std::string id, std::optional<std::string> data, bool by_address,
                ResumedCount starting) {
  auto job = [id, data = std::move(data), by_address](sqlite::Tx& tx) {
    return store::wake_execution(tx, id, store::this_process(), data, by_address);
  };
  const bool woken = co_await services.store.write_always(std::move(job));
  if (!woken) co_return false;
  std::vector<std::string> ids;
  ids.push_back(std::move(id));
  const auto executor = co_await asio::this_coro::executor;
  if (starting) ++*starting;
  asio::co_spawn(executor, resume_queued(services, std::move(ids), starting), [starting](std::exception_ptr) {
    if (starting) --*starting;
  });
  co_return true;
}

Fault does_not_wait(const std::string& id) {
  return {FaultKind::conflict, "not_waiting", fmt::format("execution {} does not wait", id)};
}

}  // namespace

Task<> wake_when_due(Services& services) {
  const auto starting = std::make_shared<std::atomic<std::size_t>>(0);
  for (;;) {
    Clock::duration pause = kLongestSleep;
    try {
      const std::int64_t room = kMostDue - std::min<std::int64_t>(kMostDue, static_cast<std::int64_t>(*starting));
      auto look = [now = now_us(), room](sqlite::Db& db) {
        return std::make_pair(store::due_executions(db, now, room), store::next_due(db));
      };
      const auto [due, next] = co_await services.store.read(std::move(look));
      for (const std::string& id : due) co_await wake(services, id, std::nullopt, false, starting);
      if (room == 0) pause = std::chrono::milliseconds(50);
      else if (!due.empty()) continue;
      else if (next)
        pause =
            std::min<Clock::duration>(pause, std::chrono::microseconds(std::max<std::int64_t>(1000, *next - now_us())));
    } catch (const std::exception& error) {
      log::error("services", "executions that wait could not be looked at; it will be tried again",
                 {{"reason", error.what()}});
    }
    co_await sleep_for(pause);
  }
}

Task<> wake_execution(Services& services, const auth::Caller& caller, std::string id, std::optional<json::value> came) {
  auto look = [id, caller](sqlite::Db& db) { return own_execution(db, caller, id); };
  co_await services.store.read(std::move(look));
  std::optional<std::string> data;
  if (came) data = json::serialize(*came);
  const bool woken = co_await wake(services, id, std::move(data), false, nullptr);
  if (!woken) throw does_not_wait(id);
}

Task<> wake_by_address(Services& services, std::string id, std::string_view token, json::value came) {
  const std::string due = token_of(services, id);
  if (token.size() != due.size() || sodium_memcmp(token.data(), due.data(), due.size()) != 0)
    throw missing("execution", id);
  const bool woken = co_await wake(services, id, json::serialize(came), true, nullptr);
  if (!woken) throw does_not_wait(id);
}

std::string resume_url(const Services& services, const std::string& id) {
  return fmt::format("/resume/{}/{}", id, token_of(services, id));
}

// What somebody watches is marked; what nobody does goes on.
flow::OnCrash crash_policy(const flow::Graph& graph, const std::string& mode) {
  if (graph.on_crash) return *graph.on_crash;
  return mode == "manual" || mode == "retry" || mode == "cli" || mode == "workflow" ? flow::OnCrash::crashed
                                                                                    : flow::OnCrash::resume;
}

bool goes_on_after_crash(sqlite::Tx& tx, const store::Execution& row) {
  if (row.mode == "cli") return false;
  const auto text = store::find_document(*tx.operator->(), row.document_hash.value_or(""));
  if (!text) return false;
  const json::value document = stored_json(*text);
  if (!document.is_object()) return false;
  json::array problems;
  const flow::Graph graph = flow::read_workflow(document.get_object(), problems);
  const flow::OnCrash how = crash_policy(graph, row.mode);
  if (how == flow::OnCrash::crashed) return false;
  store::requeue_execution(tx, row.id, how == flow::OnCrash::resume);
  return true;
}

Recorded recorded_state(sqlite::Db& db, const std::string& id) {
  Recorded out;
  out.state = store::wait_state(db, id);
  if (!out.state.waited_at) return out;
  out.nodes = store::nodes_of(db, id, kMostRecord);
  out.kept = store::kept_of(db, id);
  return out;
}

namespace {

class Resumer {
 public:
  Resumer(const flow::Plan& plan, const Recorded& recorded, const store::Store& store)
      : plan_(plan), recorded_(recorded), store_(store), out_(std::make_shared<engine::Resumption>()) {
    if (recorded.state.state_changes)
      if (const json::value before = stored_json(*recorded.state.state_changes); before.is_array())
        for (const json::value& change : before.get_array()) out_->state_changes.push_back(change.as_object());
    for (const store::NodeExecution& row : recorded.nodes) {
      out_->next_order = std::max(out_->next_order, row.execution_order + 1);
      ++out_->rows;
      // While it ran: of what it had changed before it waited, there is a sum.
      if (row.told && row.status == "completed" && (recorded.state.after_crash || !recorded.state.state_changes))
        if (const json::value told = stored_json(*row.told); told.is_object() && told.get_object().contains("state"))
          out_->state_changes.push_back(told.get_object().at("state").as_object());
      if (row.loop_index) looped_.insert(row.node_id);
      else last_[row.node_id] = &row;
    }
  }

  std::shared_ptr<engine::Resumption> make() {
    out_->ran_ms = recorded_.state.duration_ms.value_or(0);
    const std::size_t steps = plan_.steps.size();
    for (std::size_t i = 0; i < steps; i = end_of(i)) recorded_steps_[i] = recorded_step(i);
    // What is recorded, but whose value is gone, runs again if something takes it that is still to run.
    std::vector<std::size_t> units;
    for (std::size_t i = 0; i < steps; i = end_of(i)) units.push_back(i);
    std::set<std::size_t> again;
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      const auto& one = recorded_steps_[*unit];
      if (one && one->live && one->encoding.empty() && is_taken_by_a_run(*unit, again)) again.insert(*unit);
    }
    for (const std::size_t i : units) {
      auto& one = recorded_steps_[i];
      if (one && again.count(i) == 0) {
        out_->steps.push_back(std::move(*one));
        continue;
      }
      const bool waited = plan_.steps[i].node.control == flow::Control::wait;
      if (waited && (one || plan_.steps[i].node.id == *recorded_.state.waited_at)) wait_is_over(i, !one);
      else if (one || (recorded_.state.after_crash && may_have_begun(i))) require_harmless(i);
    }
    return std::move(out_);
  }

 private:
  std::size_t end_of(std::size_t i) const { return std::max(i + 1, plan_.steps[i].body_end); }

  void wait_is_over(std::size_t i, bool just_now) {
    out_->over.insert(i);
    if (!just_now || !recorded_.state.resume_data || !flow::wait_of(plan_.steps[i].node).webhook) return;
    out_->came = stored_json(*recorded_.state.resume_data);
    out_->came_at = i;
    if (!out_->came->is_object()) out_->came = json::object{{"body", *out_->came}};
  }

  bool is_taken_by_a_run(std::size_t i, const std::set<std::size_t>& again) const {
    for (std::size_t unit = 0; unit < plan_.steps.size(); unit = end_of(unit)) {
      const auto found = recorded_steps_.find(unit);
      if (unit == i || (found->second && again.count(unit) == 0)) continue;
      for (std::size_t k = unit; k < end_of(unit); ++k)
        for (const flow::Source& source : plan_.steps[k].sources)
          if (source.step == i) return true;
    }
    return false;
  }

  // What the record says of it; nothing: it is to run. `encoding` is empty where its value is gone.
  std::optional<engine::Resumption::Step> recorded_step(std::size_t i) const {
    const flow::Step& step = plan_.steps[i];
    const auto found = last_.find(step.node.id);
    if (found == last_.end()) return std::nullopt;
    const store::NodeExecution& row = *found->second;
    engine::Resumption::Step one;
    one.step = i;
    if (row.status == "skipped") return one;
    one.erred = row.status == "failed" && step.node.on_error != flow::OnError::stop;
    if (row.status != "completed" && !one.erred) {
      if (row.status == "failed" && row.retry_count + 1 >= step.node.tries.most) refuse(i, "had failed");
      return std::nullopt;
    }
    one.live = true;
    if (row.live) {
      const json::value outputs = stored_json(*row.live);
      for (const json::value& output : outputs.as_array())
        one.outputs.push_back(static_cast<std::int32_t>(output.to_number<std::int64_t>()));
    }
    one.result.type = row.output_type.value_or("");
    one.result.preview = row.output_data.value_or("null");
    one.result.exact = row.output_exact.value_or(false);
    one.result.truncated = row.output_truncated.value_or(true) || row.left_out > 0;
    if (one.result.exact && !one.result.truncated) {
      one.encoding = "json";
      one.value = one.result.preview;
      return one;
    }
    for (const store::KeptRow& kept : recorded_.kept) {
      if (kept.node_id != step.node.id) continue;
      one.encoding = kept.encoding;
      one.blob = store_.blob_path(kept.hash_sha256);
    }
    return one;
  }

  // All that it takes is recorded, so that it may have been asked for when the process ended.
  bool may_have_begun(std::size_t i) const {
    if (looped_.count(plan_.steps[i].node.id) != 0) return true;
    for (const flow::Source& source : plan_.steps[i].sources) {
      if (!source.step || source.closes) continue;
      const auto found = recorded_steps_.find(*source.step);
      if (found == recorded_steps_.end() || !found->second) return false;
    }
    return true;
  }

  void require_harmless(std::size_t i) const {
    for (std::size_t k = i; k < end_of(i); ++k) {
      const flow::Node& node = plan_.steps[k].node;
      const bool harmless = node.control != flow::Control::none && node.control != flow::Control::workflow;
      if (!harmless && !node.idempotent && node.tries.most < 2)
        refuse(k, recorded_steps_.count(k) != 0 && recorded_steps_.at(k) ? "has run, its value was not kept,"
                                                                         : "may have been running");
    }
  }

  [[noreturn]] void refuse(std::size_t i, const char* what) const {
    throw Fault(
        FaultKind::conflict, "crashed",
        fmt::format("node \"{}\" {} when qflow stopped, and does not say that it may run again (\"idempotent\": "
                    "true, or retryOnFail); POST /executions/ID/retry goes on from what is recorded",
                    plan_.steps[i].node.name, what));
  }

  const flow::Plan& plan_;
  const Recorded& recorded_;
  const store::Store& store_;
  std::shared_ptr<engine::Resumption> out_;
  std::map<std::string, const store::NodeExecution*> last_;  ///< of nodes outside of loops
  std::set<std::string> looped_;
  std::map<std::size_t, std::optional<engine::Resumption::Step>> recorded_steps_;  ///< by unit
};

}  // namespace

std::shared_ptr<engine::Resumption> resumption_of(const flow::Plan& plan, const Recorded& recorded,
                                                  const store::Store& store) {
  if (!recorded.state.waited_at) return nullptr;
  return Resumer(plan, recorded, store).make();
}

}  // namespace qflow::services
