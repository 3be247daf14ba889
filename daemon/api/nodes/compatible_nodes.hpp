// GET /nodes/compatible: which library nodes can stand at the other end of a port; the best first.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> compatible_nodes(Services&, const Request&);

}  // namespace qflow::api
