// Signing in and out. A sign-in makes one session with two proofs: a cookie for browsers and a JWT for other clients.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> login(Services&, const Request&);
Task<Reply> logout(Services&, const Request&);
Task<Reply> get_session(Services&, const Request&);
Task<Reply> create_session(Services&, const Request&);
Task<Reply> delete_session(Services&, const Request&);
Task<Reply> get_me(Services&, const Request&);

}  // namespace qflow::api
