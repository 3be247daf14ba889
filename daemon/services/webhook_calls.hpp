// Webhooks: paths at which a call from outside starts an active workflow. Changes are audited. Io threads.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/byte_budget.hpp"
#include "daemon/services/audit.hpp"
#include "daemon/services/running.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::services {

/// What a client asks for. Absent: a path that nobody can guess, POST, the workflow's outputs, `accepted`.
struct WebhookDraft {
  std::string workflow_id;
  std::optional<std::string> path;      ///< letters, digits and - . _ ~, in parts separated by single slashes
  std::optional<std::string> method;    ///< GET, POST, PUT, PATCH or DELETE
  std::optional<std::string> node;      ///< whose value is the result, by id or name
  std::optional<std::string> response;  ///< accepted or result
};

/// The caller's webhooks, or those of one workflow.
Task<std::vector<store::Webhook>> list_webhooks(Services& services, const auth::Caller& caller,
                                                std::optional<std::string> workflow_id);
/// Throws Fault(not_found) also when it is not the caller's.
Task<store::Webhook> find_webhook(Services& services, const auth::Caller& caller, std::string id);
/// Makes a webhook, which belongs to the workflow's owner. Throws Fault: bad_input for a workflow that is not the
/// caller's, a node that it does not have, or an invalid path, method or response; conflict for a taken path.
Task<store::Webhook> create_webhook(Services& services, const auth::Caller& caller, const Actor& actor,
                                    WebhookDraft draft);
/// Throws Fault(not_found).
Task<> delete_webhook(Services& services, const auth::Caller& caller, const Actor& actor, std::string id);

/// What a node of the workflow answers (qflow.respond).
struct WebhookAnswer {
  std::optional<std::string> text;  ///< {status, headers, body} as JSON; nothing: not yet
};

/// An execution that a webhook has started.
struct WebhookCall {
  store::Webhook webhook;
  Started started;
  std::shared_ptr<WebhookAnswer> answer;  // shared with the execution; both on the executor of the call
};
/// Finds the webhook and starts its workflow with `input`, which is only made once there is one. Throws Fault:
/// not_found, which does not tell whether there is an inactive workflow behind the path, too_many, and what
/// start_execution() throws.
Task<WebhookCall> call_webhook(Services& services, std::string method, std::string path,
                               std::function<json::value()> input);
struct WebhookResult {
  json::value value;
  std::optional<store::File> file;         ///< instead: a file that the node returned, or the whole value as JSON
  std::optional<std::string> bytes;        ///< instead: the node returned bytes
  std::optional<json::object> response;    ///< instead: what qflow.respond says, {status, headers, body}
  std::string status = "gone";             ///< of the execution
  std::shared_ptr<ByteBudget::Hold> room;  ///< for a large value, until it is sent
};
/// Waits for the workflow's result: the value of the node that the webhook names; otherwise {"node name": value} of the
/// last nodes, or a single value. Throws Fault: timeout while it runs on, or the client is gone (`presence`, may be
/// null); internal when it did not complete; too_large when the value is not kept whole.
Task<WebhookResult> result_of(Services& services, const WebhookCall& call, Presence* presence);

}  // namespace qflow::services
