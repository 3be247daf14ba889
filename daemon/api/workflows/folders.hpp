// /projects/{projectId}/folders: each user has one project of their own, "personal".
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_folders(Services&, const Request&);
Task<Reply> create_folder(Services&, const Request&);
Task<Reply> get_folder(Services&, const Request&);
Task<Reply> update_folder(Services&, const Request&);
Task<Reply> delete_folder(Services&, const Request&);
Task<Reply> get_folder_tree(Services&, const Request&);
Task<Reply> get_folder_content(Services&, const Request&);
Task<Reply> get_folder_credentials(Services&, const Request&);

}  // namespace qflow::api
