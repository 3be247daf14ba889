#include "daemon/services/workflow_state.hpp"

#include <fmt/format.h>

#include "daemon/base/fault.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {

Task<store::WorkflowState> workflow_state(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id = std::move(id), owner = caller.owner_filter()](sqlite::Db& db) {
    own_workflow(db, id, owner);
    return store::find_state(db, id).value_or(store::WorkflowState{id, "{}", 0, std::nullopt});
  };
  store::WorkflowState state = co_await services.store.read(std::move(job));
  co_return state;
}

Task<store::WorkflowState> set_workflow_state(Services& services, const auth::Caller& caller, std::string id,
                                              json::object state) {
  store::WorkflowState row{std::move(id), json::serialize(state), now_us(), std::nullopt};
  if (row.state.size() > store::kMostStateBytes)
    throw Fault(FaultKind::bad_input, "state_too_large",
                fmt::format("the state is {} KiB as JSON; at most {} KiB are kept", row.state.size() >> 10U,
                            store::kMostStateBytes >> 10U));
  auto job = [row, owner = caller.owner_filter()](sqlite::Tx& tx) {
    own_workflow(*tx.operator->(), row.workflow, owner);
    store::put_state(tx, row);
  };
  co_await services.store.write(std::move(job));
  co_return row;
}

}  // namespace qflow::services
