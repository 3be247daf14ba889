#include "daemon/services/ending.hpp"

#include <fmt/format.h>

#include "daemon/services/announcer.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {
namespace {

Task<bool> cancel_on_engine(Services& services, std::string id) { co_return services.engine.cancel(id); }

Task<bool> is_active_on_engine(Services& services, std::string id) { co_return services.engine.is_active(id); }

}  // namespace

bool is_open(std::string_view status) { return status == "running" || status == "queued" || status == "waiting"; }

Task<> end_queued(Services& services, store::Execution row, std::string status, std::string message) {
  auto job = [row = std::move(row), status = std::move(status), message = std::move(message)](sqlite::Tx& tx) mutable {
    const bool ended = store::end_execution(tx, row, status, message);
    return ended ? std::optional(std::move(row)) : std::nullopt;
  };
  const auto ended = co_await services.store.write_always(std::move(job));
  if (ended) publish_end(services.events, *ended);
}

store::Execution own_execution(sqlite::Db& db, const auth::Caller& caller, const std::string& id) {
  auto found = store::find_summary(db, id);
  if (!found || (!caller.sees_all() && found->created_by != caller.user_id)) throw missing("execution", id);
  return std::move(*found);
}

Task<bool> end_execution(Services& services, std::string id) {
  // The kill is immediate; the record follows within moments. What is not in the engine may come to it just now, or was
  // queued by a process that is gone.
  auto look = [id](sqlite::Db& db) { return store::find_summary(db, id); };
  for (int i = 0; i < 100; ++i) {
    const std::optional<store::Execution> row = co_await services.store.read(look);
    if (!row || !is_open(row->status)) co_return true;
    auto cancel = [&services, id] { return cancel_on_engine(services, id); };
    const bool cancelled = co_await on_engine(services, std::move(cancel));
    if (!cancelled && row->status != "running")
      co_await end_queued(services, *row, "cancelled", "it was stopped before it began");
    else co_await sleep_for(std::chrono::milliseconds(20));
  }
  co_return false;
}

Task<> stop_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { return own_execution(db, caller, id); };
  const store::Execution row = co_await services.store.read(look);
  if (!is_open(row.status))
    throw Fault(FaultKind::conflict, "already_finished",
                fmt::format("execution {} has already finished as {}", id, row.status));
  const bool ended = co_await end_execution(services, id);
  if (!ended)
    throw Fault(FaultKind::conflict, "not_stopped",
                fmt::format("execution {} does not run in this server, or its end could not be recorded yet", id));
}

Task<> delete_execution(Services& services, const auth::Caller& caller, std::string id) {
  auto look = [id, caller](sqlite::Db& db) { own_execution(db, caller, id); };
  co_await services.store.read(std::move(look));
  auto active = [&services, id] { return is_active_on_engine(services, id); };
  if (co_await on_engine(services, std::move(active)))
    throw Fault(FaultKind::conflict, "still_running", fmt::format("execution {} is running; stop it first", id));
  auto job = [id, caller](sqlite::Tx& tx) {
    const store::Execution row = own_execution(*tx.operator->(), caller, id);
    // Between its first row and the engine, or in a `qflow run`.
    if (row.status == "running" && store::is_alive(row.owner))
      throw Fault(FaultKind::conflict, "still_running", fmt::format("execution {} is running; stop it first", id));
    std::vector<std::string> orphans;
    store::delete_execution(tx, id, orphans);
    return orphans;
  };
  const std::vector<std::string> orphans = co_await services.store.write_always(std::move(job));
  auto clean = [&store = services.store, orphans] {
    for (const std::string& hash : orphans) store.drop_blob(hash);
  };
  if (!orphans.empty()) co_await services.store.offload(std::move(clean));
}

}  // namespace qflow::services
