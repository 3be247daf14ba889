// /webhooks, and /webhook/{path}: calls from outside that run an active workflow.
#pragma once
#include "daemon/api/handler.hpp"

namespace qflow::api {

Task<Reply> list_webhooks(Services&, const Request&);
Task<Reply> create_webhook(Services&, const Request&);
Task<Reply> get_webhook(Services&, const Request&);
Task<Reply> delete_webhook(Services&, const Request&);
Task<Reply> resume_by_address(Services&, const Request&);
Task<Reply> call_webhook(Services&, const Request&);

}  // namespace qflow::api
