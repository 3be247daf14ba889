// /nodes/python: try a node's code out without storing it.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> execute_node(Services&, const Request&);
Task<Reply> validate_node(Services&, const Request&);

}  // namespace qflow::api
