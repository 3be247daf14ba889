// /containers: Python environments. Each has a zygote of its own with spares; workflows name it in
// settings.container.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_containers(Services&, const Request&);
Task<Reply> create_container(Services&, const Request&);
Task<Reply> get_container(Services&, const Request&);
Task<Reply> delete_container(Services&, const Request&);
Task<Reply> get_container_resources(Services&, const Request&);
Task<Reply> get_container_logs(Services&, const Request&);
Task<Reply> list_dependencies(Services&, const Request&);
Task<Reply> install_dependencies(Services&, const Request&);
Task<Reply> delete_dependency(Services&, const Request&);

}  // namespace qflow::api
