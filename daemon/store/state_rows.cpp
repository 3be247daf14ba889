#include "daemon/store/state_rows.hpp"

#include <boost/json/serialize.hpp>

#include "schema/text/parse_json.hpp"

namespace qflow::store {
namespace json = boost::json;

std::optional<WorkflowState> find_state(sqlite::Db& db, const std::string& workflow) {
  return db.one<WorkflowState>("SELECT workflow, state, changed_at, execution_id FROM workflow_states WHERE workflow=?",
                               workflow);
}

void put_state(sqlite::Tx& tx, const WorkflowState& row) {
  tx->exec("INSERT OR REPLACE INTO workflow_states (workflow, state, changed_at, execution_id) VALUES (?,?,?,?)",
           row.workflow, row.state, row.changed_at, row.execution_id);
}

bool merge_state(sqlite::Tx& tx, const std::string& workflow, const json::object& change,
                 const std::string& execution_id, std::int64_t now) {
  const bool file = workflow.starts_with("file:");
  if (!file && !tx->one<std::int64_t>("SELECT 1 FROM workflows WHERE id=?", workflow)) return false;
  json::object state;
  if (const auto before = find_state(*tx.operator->(), workflow)) {
    std::string error;
    json::value parsed = schema::parse_json(before->state, error, 200);
    if (parsed.is_object()) state = std::move(parsed.get_object());
  }
  for (const auto& [key, value] : change.at("set").as_object()) state[key] = value;
  for (const json::value& key : change.at("removed").as_array()) state.erase(key.as_string());
  std::string text = json::serialize(state);
  if (text.size() > kMostStateBytes + kStateSlack) return false;
  put_state(tx, {workflow, std::move(text), now, execution_id});
  return true;
}

}  // namespace qflow::store
