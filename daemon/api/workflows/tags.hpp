// Tags of workflows and of the node library: two sets of the same shape.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_workflow_tags(Services&, const Request&);
Task<Reply> create_workflow_tag(Services&, const Request&);
Task<Reply> update_workflow_tag(Services&, const Request&);
Task<Reply> delete_workflow_tag(Services&, const Request&);
Task<Reply> list_node_tags(Services&, const Request&);
Task<Reply> create_node_tag(Services&, const Request&);
Task<Reply> update_node_tag(Services&, const Request&);
Task<Reply> delete_node_tag(Services&, const Request&);

}  // namespace qflow::api
