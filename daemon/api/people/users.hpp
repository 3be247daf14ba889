// /users: the people who may use this installation. Admins manage users; the owner also manages admins.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_users(Services&, const Request&);
Task<Reply> create_user(Services&, const Request&);
Task<Reply> get_user(Services&, const Request&);
Task<Reply> update_user(Services&, const Request&);
Task<Reply> delete_user(Services&, const Request&);
Task<Reply> get_user_settings(Services&, const Request&);
Task<Reply> update_user_settings(Services&, const Request&);

}  // namespace qflow::api
