// /credentials: secrets that workflows use. The secret values go in and never come out again.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_credentials(Services&, const Request&);
Task<Reply> create_credential(Services&, const Request&);
Task<Reply> get_credential(Services&, const Request&);
Task<Reply> update_credential(Services&, const Request&);
Task<Reply> delete_credential(Services&, const Request&);
Task<Reply> list_credential_types(Services&, const Request&);
Task<Reply> get_credential_type(Services&, const Request&);

}  // namespace qflow::api
