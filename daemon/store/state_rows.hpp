// The state that a workflow keeps from one execution to the next (`qflow.state`): a JSON object. On a thread of the
// store.
#pragma once
#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// Bytes that the state of one workflow may have.
inline constexpr std::size_t kMostStateBytes = 1U << 20U;
/// A worker counts the characters of its own writing of it; ours may be a little longer.
inline constexpr std::size_t kStateSlack = 64U << 10U;

struct WorkflowState {
  std::string workflow, state;  ///< its id, or "file:PATH"; JSON
  std::int64_t changed_at = 0;
  std::optional<std::string> execution_id;  ///< that changed it last; nothing: somebody did
};
BOOST_DESCRIBE_STRUCT(WorkflowState, (), (workflow, state, changed_at, execution_id))

/// Nothing: it has none (yet).
std::optional<WorkflowState> find_state(sqlite::Db& db, const std::string& workflow);
void put_state(sqlite::Tx& tx, const WorkflowState& row);
/// Changes the keys of `change` ({"set": {key: value}, "removed": [keys]}), and no others: executions that run at the
/// same time each keep what they have changed. False: it would be larger than kMostStateBytes (and the slack), and
/// nothing is written; so too when the workflow is gone.
bool merge_state(sqlite::Tx& tx, const std::string& workflow, const boost::json::object& change,
                 const std::string& execution_id, std::int64_t now);

}  // namespace qflow::store
