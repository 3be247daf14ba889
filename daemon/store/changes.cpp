#include "daemon/store/changes.hpp"

namespace qflow::store {

Part Changes::part_of(std::string_view table) {
  if (table.starts_with("workflow_exec") || table == "node_executions" || table == "files") return kExecutions;
  if (table.starts_with("workflow") || table == "folders") return kWorkflows;
  if (table.starts_with("python_node") || table == "custom_types") return kLibrary;
  if (table == "users" || table == "user_sessions" || table == "api_keys") return kPeople;
  return kRest;
}

}  // namespace qflow::store
