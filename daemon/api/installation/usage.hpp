// /usage and /analytics: sums over the caller's own executions, or over everybody's for admins.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> get_usage(Services&, const Request&);
Task<Reply> get_workflow_usage(Services&, const Request&);
Task<Reply> get_execution_usage(Services&, const Request&);
Task<Reply> get_performance(Services&, const Request&);
Task<Reply> get_errors(Services&, const Request&);

}  // namespace qflow::api
