// /executions: list, get, data, workflow, report, delete, stop, retry, resume.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_executions(Services&, const Request&);
Task<Reply> list_active_executions(Services&, const Request&);
Task<Reply> get_execution(Services&, const Request&);
Task<Reply> get_execution_data(Services&, const Request&);
Task<Reply> get_execution_workflow(Services&, const Request&);
Task<Reply> get_execution_report(Services&, const Request&);
Task<Reply> delete_execution(Services&, const Request&);
Task<Reply> stop_execution(Services&, const Request&);
Task<Reply> retry_execution(Services&, const Request&);
Task<Reply> resume_execution(Services&, const Request&);

}  // namespace qflow::api
