// /types: the documented types and matrix, types that users define, checks and conversions.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_types(Services&, const Request&);
Task<Reply> create_type(Services&, const Request&);
Task<Reply> get_type(Services&, const Request&);
Task<Reply> update_type(Services&, const Request&);
Task<Reply> delete_type(Services&, const Request&);
Task<Reply> get_type_matrix(Services&, const Request&);
Task<Reply> check_types(Services&, const Request&);
Task<Reply> convert_type(Services&, const Request&);
Task<Reply> compatible_types(Services&, const Request&);
Task<Reply> supported_types(Services&, const Request&);

}  // namespace qflow::api
