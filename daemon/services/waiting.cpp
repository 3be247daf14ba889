#include "daemon/services/waiting.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <map>

#include "daemon/base/time.hpp"
#include "daemon/flow/control.hpp"
#include "daemon/flow/workflow_reader.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_document.hpp"
#include "sandbox/sys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::services {
namespace {

constexpr std::int64_t kMostDue = 100;              // woken at a time
constexpr std::int64_t kMostRecord = 64 << 20;      // bytes of an execution's record
constexpr std::uint64_t kMostKept = 257ULL << 20U;  // bytes of one value
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

// False: it does not wait (any more).
Task<bool> wake(Services& services, std::string id, std::optional<std::string> data) {
  auto job = [id, data = std::move(data)](sqlite::Tx& tx) {
    return store::wake_execution(tx, id, store::this_process(), data);
  };
  const bool woken = co_await services.store.write_always(std::move(job));
  if (!woken) co_return false;
  std::vector<std::string> ids;
  ids.push_back(std::move(id));
  co_await resume_queued(services, std::move(ids));
  co_return true;
}

Fault does_not_wait(const std::string& id) {
  return {FaultKind::conflict, "not_waiting", fmt::format("execution {} does not wait", id)};
}

}  // namespace

Task<> wake_when_due(Services& services) {
  for (;;) {
    Clock::duration pause = kLongestSleep;
    try {
      auto look = [now = now_us()](sqlite::Db& db) {
        return std::make_pair(store::due_executions(db, now, kMostDue), store::next_due(db));
      };
      const auto [due, next] = co_await services.store.read(std::move(look));
      for (const std::string& id : due) co_await wake(services, id, std::nullopt);
      if (!due.empty()) continue;
      if (next)
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
  const bool woken = co_await wake(services, id, std::move(data));
  if (!woken) throw does_not_wait(id);
}

Task<> wake_by_address(Services& services, std::string id, std::string_view token, json::value came) {
  const std::string due = token_of(services, id);
  if (token.size() != due.size() || sodium_memcmp(token.data(), due.data(), due.size()) != 0)
    throw missing("execution", id);
  const bool woken = co_await wake(services, id, json::serialize(came));
  if (!woken) throw does_not_wait(id);
}

std::string resume_url(const Services& services, const std::string& id) {
  return fmt::format("/resume/{}/{}", id, token_of(services, id));
}

bool goes_on_after_crash(sqlite::Tx& tx, const store::Execution& row) {
  if (row.mode == "cli") return false;
  const auto text = store::find_document(*tx.operator->(), row.document_hash.value_or(""));
  if (!text) return false;
  const json::value document = stored_json(*text);
  if (!document.is_object()) return false;
  json::array problems;
  const flow::Graph graph = flow::read_workflow(document.get_object(), problems);
  const flow::OnCrash usual =
      row.mode == "manual" || row.mode == "retry" ? flow::OnCrash::crashed : flow::OnCrash::resume;
  const flow::OnCrash how = graph.on_crash.value_or(usual);
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
    for (const store::NodeExecution& row : recorded.nodes) {
      out_->next_order = std::max(out_->next_order, row.execution_order + 1);
      ++out_->rows;
      if (row.loop_index) looped_.insert(row.node_id);
      else last_[row.node_id] = &row;
    }
  }

  std::shared_ptr<engine::Resumption> make() {
    out_->ran_ms = recorded_.state.duration_ms.value_or(0);
    there_.assign(plan_.steps.size(), false);
    for (std::size_t i = 0; i < plan_.steps.size(); i = std::max(i + 1, plan_.steps[i].body_end)) {
      there_[i] = take(i);
      if (!there_[i] && recorded_.state.after_crash && may_have_begun(i)) require_harmless(i);
      if (!there_[i] && plan_.steps[i].node.id == *recorded_.state.waited_at) wait_is_over(i);
    }
    return std::move(out_);
  }

 private:
  void wait_is_over(std::size_t i) {
    out_->over = i;
    if (!recorded_.state.resume_data || !flow::wait_of(plan_.steps[i].node).webhook) return;
    out_->came = stored_json(*recorded_.state.resume_data);
    if (!out_->came->is_object()) out_->came = json::object{{"body", *out_->came}};
  }

  bool sources_are_there(std::size_t i) const {
    for (const flow::Source& source : plan_.steps[i].sources)
      if (source.step && !source.closes && !there_[*source.step]) return false;
    return true;
  }

  // Its row, and its value if it has one. False: it is to run.
  bool take(std::size_t i) {
    const flow::Step& step = plan_.steps[i];
    const auto found = last_.find(step.node.id);
    if (found == last_.end() || !sources_are_there(i)) return false;
    const store::NodeExecution& row = *found->second;
    engine::Resumption::Step one;
    one.step = i;
    if (row.status == "skipped") {
      out_->steps.push_back(std::move(one));
      return true;
    }
    one.erred = row.status == "failed" && step.node.on_error != flow::OnError::stop;
    if (row.status != "completed" && !one.erred) {
      if (row.status == "failed") refuse(i, "has failed");
      return false;
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
    } else if (!take_kept(step.node.id, one) && recorded_.state.after_crash) {
      return false;  // it was not kept
    }
    out_->steps.push_back(std::move(one));
    return true;
  }

  bool take_kept(const std::string& node, engine::Resumption::Step& one) const {
    for (const store::KeptRow& kept : recorded_.kept) {
      if (kept.node_id != node) continue;
      try {
        one.value = sandbox::read_file(store_.blob_path(kept.hash_sha256), kMostKept);
      } catch (const sandbox::SysError& error) {
        throw Fault(FaultKind::conflict, "kept_value_lost",
                    fmt::format("the value that node \"{}\" had kept cannot be read: {}", node, error.what()));
      }
      one.encoding = kept.encoding;
      return true;
    }
    return false;
  }

  // Its sources have their values, so that it may have been asked for when the process ended.
  bool may_have_begun(std::size_t i) const {
    return sources_are_there(i) || looped_.count(plan_.steps[i].node.id) != 0;
  }

  void require_harmless(std::size_t i) const {
    for (std::size_t k = i; k < std::max(i + 1, plan_.steps[i].body_end); ++k) {
      const flow::Node& node = plan_.steps[k].node;
      if (node.control == flow::Control::none && !node.idempotent && node.tries.most < 2)
        refuse(k, "may have been running");
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
  std::vector<bool> there_;
};

}  // namespace

std::shared_ptr<engine::Resumption> resumption_of(const flow::Plan& plan, const Recorded& recorded,
                                                  const store::Store& store) {
  if (!recorded.state.waited_at) return nullptr;
  return Resumer(plan, recorded, store).make();
}

}  // namespace qflow::services
