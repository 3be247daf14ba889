#include "daemon/services/error_workflow.hpp"

#include "daemon/observe/log.hpp"
#include "daemon/services/running.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {

Task<> run_error_workflow(Services& services, Failure failure) {
  std::string problem;
  try {
    auto find = [id = failure.error_workflow, owner = std::optional(failure.created_by)](sqlite::Db& db) {
      return own_workflow(db, id, owner);
    };
    const store::Workflow workflow = co_await services.store.read(std::move(find));
    json::object error{{"type", failure.error.type},
                       {"message", failure.error.message},
                       {"traceback", failure.error.traceback},
                       {"line", nullptr}};
    if (failure.error.line) error["line"] = *failure.error.line;
    json::object input{{"execution", {{"id", failure.execution_id}, {"mode", failure.mode}}},
                       {"workflow", {{"id", failure.workflow_id}, {"name", failure.workflow_name}}},
                       {"error", std::move(error)},
                       {"node", failure.node.empty() ? json::value(nullptr) : json::value(failure.node)}};
    StartRequest request;
    request.input = json::value(std::move(input));
    request.mode = "error";
    request.created_by = failure.created_by;
    co_await start_execution(services, workflow, std::move(request));
  } catch (const std::exception& caught) {
    problem = caught.what();
  }
  if (!problem.empty())
    log::error("services", "the error workflow of a failed execution did not start",
               {{"execution_id", failure.execution_id},
                {"workflow_id", failure.workflow_id},
                {"error_workflow", failure.error_workflow},
                {"reason", problem}});
}

}  // namespace qflow::services
