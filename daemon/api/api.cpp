#include "daemon/api/api.hpp"

namespace qflow::api {

std::vector<http::Route> routes(Services& services) {
  std::vector<http::Route> table;
  add_workflow_routes(table, services);
  add_execution_routes(table, services);
  add_node_routes(table, services);
  add_health_routes(table, services);
  return table;
}

}  // namespace qflow::api
