// Executions that wait, and those that go on after a crash: when they are woken, by whom, and what they have then. Io
// threads.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/engine/order.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/waiting_rows.hpp"

namespace qflow::services {

/// Wakes executions whose time has come. Runs until the server ends.
Task<> wake_when_due(Services& services);
/// Has a waiting execution of the caller's go on now. `came`: what it gets besides (a wait for its address). Throws
/// Fault: not_found; conflict when it does not wait.
Task<> wake_execution(Services& services, const auth::Caller& caller, std::string id, std::optional<json::value> came);
/// The same by its address, whose `token` shows that the caller knows it. Throws Fault(not_found) also for a wrong one.
Task<> wake_by_address(Services& services, std::string id, std::string_view token, json::value came);
/// The path of that address: a secret of whoever knows the execution's nodes.
std::string resume_url(const Services& services, const std::string& id);

/// What becomes of an execution when its process ends.
flow::OnCrash crash_policy(const flow::Graph& graph, const std::string& mode);
/// Whether an execution whose process has ended goes on (settings.onCrash; by default those that nobody watches do):
/// then it is queued. On the store's writer.
bool goes_on_after_crash(sqlite::Tx& tx, const store::Execution& row);

/// What an execution that goes on has: its record and what it kept. Null for one that begins at its start. Throws
/// Fault(conflict) when it cannot go on: a step may have run that must not run twice.
struct Recorded {
  store::WaitState state;
  std::vector<store::NodeExecution> nodes;
  std::vector<store::KeptRow> kept;
};
Recorded recorded_state(sqlite::Db& db, const std::string& id);
std::shared_ptr<engine::Resumption> resumption_of(const flow::Plan& plan, const Recorded& recorded,
                                                  const store::Store& store);

}  // namespace qflow::services
