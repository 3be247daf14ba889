// /settings: the limits that an admin may change while the server runs. Kept in the database; never above the
// configuration's maximum.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> get_settings(Services&, const Request&);
Task<Reply> update_settings(Services&, const Request&);

}  // namespace qflow::api
