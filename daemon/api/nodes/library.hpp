// /nodes: the node types that the engine knows, and the library of Python nodes that users keep.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_nodes(Services&, const Request&);
Task<Reply> create_node(Services&, const Request&);
Task<Reply> get_node(Services&, const Request&);
Task<Reply> get_node_description(Services&, const Request&);
Task<Reply> update_node(Services&, const Request&);
Task<Reply> delete_node(Services&, const Request&);
Task<Reply> list_node_versions(Services&, const Request&);
Task<Reply> get_node_version(Services&, const Request&);
Task<Reply> test_node(Services&, const Request&);

}  // namespace qflow::api
