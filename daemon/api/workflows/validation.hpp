// Checks whole workflows and connections without running them.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> validate_workflow(Services&, const Request&);
Task<Reply> validate_stored_workflow(Services&, const Request&);

}  // namespace qflow::api
