// /api-keys: keys for programs; and the audit log.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_api_keys(Services&, const Request&);
Task<Reply> create_api_key(Services&, const Request&);
Task<Reply> delete_api_key(Services&, const Request&);
Task<Reply> list_audit(Services&, const Request&);

}  // namespace qflow::api
