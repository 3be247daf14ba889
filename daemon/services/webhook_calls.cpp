#include "daemon/services/webhook_calls.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/base64.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/execution_record.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::services {
namespace {

constexpr auto kPatience = std::chrono::seconds(120);

struct Target {
  std::optional<store::Webhook> webhook;
  std::optional<store::Workflow> workflow;
};

// What is at the path. A user whose access has ended runs nothing.
Target target_at(sqlite::Db& db, const std::string& path, const std::string& method) {
  Target target;
  target.webhook = store::find_webhook_at(db, path, method);
  if (target.webhook) target.workflow = store::find_workflow(db, target.webhook->workflow_id, std::nullopt);
  if (!target.workflow) return target;
  const auto& by = target.workflow->created_by;
  const auto owner = by ? store::find_user(db, *by) : std::nullopt;
  if (!owner || !owner->is_active || !target.workflow->is_active) target.workflow.reset();
  return target;
}

bool is_webhook_method(std::string_view method) {
  static constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

bool is_webhook_path(std::string_view path) {
  return !path.empty() && !path.starts_with('/') && !path.ends_with('/') && path.find("//") == std::string_view::npos &&
         path.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/") ==
             std::string_view::npos;
}

store::Webhook webhook_of(WebhookDraft draft) {
  store::Webhook webhook;
  webhook.workflow_id = std::move(draft.workflow_id);
  webhook.path = draft.path ? std::move(*draft.path) : auth::random_token();
  while (webhook.path.starts_with('/')) webhook.path.erase(0, 1);
  webhook.method = draft.method.value_or("POST");
  webhook.node = draft.node.value_or("");
  webhook.response = draft.response.value_or("accepted");
  InputProblems problems("invalid_body");
  if (!is_webhook_method(webhook.method)) problems.add("/method", "expected GET, POST, PUT, PATCH or DELETE");
  if (webhook.response != "accepted" && webhook.response != "result")
    problems.add("/response", "expected accepted or result");
  if (!is_webhook_path(webhook.path))
    problems.add("/path", "expected letters, digits and - . _ ~, in parts separated by /");
  problems.throw_if_any();
  return webhook;
}

}  // namespace

Task<std::vector<store::Webhook>> list_webhooks(Services& services, const auth::Caller& caller,
                                                std::optional<std::string> workflow_id) {
  auto job = [owner = caller.owner_filter(), workflow = std::move(workflow_id)](sqlite::Db& db) {
    return store::list_webhooks(db, owner, workflow);
  };
  return services.store.read(std::move(job));
}

Task<store::Webhook> find_webhook(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Db& db) { return store::find_webhook(db, id, owner); };
  auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("webhook", id);
  co_return std::move(*found);
}

Task<store::Webhook> create_webhook(Services& services, const auth::Caller& caller, const Actor& actor,
                                    WebhookDraft draft) {
  store::Webhook webhook = webhook_of(std::move(draft));
  webhook.id = new_id();
  webhook.created_by = caller.user_id;
  webhook.created_at = now_us();
  auto job = [webhook, owner = caller.owner_filter()](sqlite::Tx& tx) {
    const auto workflow = store::find_workflow(*tx.operator->(), webhook.workflow_id, owner);
    if (!workflow)
      throw Fault(FaultKind::bad_input, "missing_workflow",
                  fmt::format("/workflowId: no workflow has the id {}", webhook.workflow_id));
    if (!webhook.node.empty()) {
      const flow::Graph graph = graph_of(*workflow);
      if (std::none_of(graph.nodes.begin(), graph.nodes.end(),
                       [&](const auto& node) { return node.id == webhook.node || node.name == webhook.node; }))
        throw Fault(FaultKind::bad_input, "missing_node",
                    fmt::format("/node: the workflow has no node \"{}\"", webhook.node));
    }
    store::Webhook row = webhook;
    if (workflow->created_by) row.created_by = workflow->created_by;  // owned like the workflow
    store::insert_webhook(tx, row);
    return row;
  };
  webhook = co_await services.store.write(std::move(job));
  audit(services, actor, "webhook.created", webhook.path, {{"id", webhook.id}, {"workflow", webhook.workflow_id}});
  co_return webhook;
}

Task<> delete_webhook(Services& services, const auth::Caller& caller, const Actor& actor, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Tx& tx) {
    if (!store::find_webhook(*tx.operator->(), id, owner)) throw missing("webhook", id);
    store::delete_webhook(tx, id);
  };
  co_await services.store.write(std::move(job));
  audit(services, actor, "webhook.deleted", id);
}

Task<WebhookCall> call_webhook(Services& services, std::string method, std::string path,
                               std::function<json::value()> input) {
  auto job = [path, method](sqlite::Db& db) { return target_at(db, path, method); };
  Target target = co_await services.store.read(std::move(job));
  if (!target.workflow)
    throw Fault(FaultKind::not_found, "not_found",
                fmt::format("no active workflow waits for {} /webhook/{}", method, path));
  if (const auto verdict = services.rates.take(target.webhook->id, auth::Rate::webhooks, true); !verdict.allowed)
    throw auth::rate_fault(verdict);
  std::optional<json::value> given = input();
  std::string owner = target.workflow->created_by.value_or("");
  StartRequest request;
  request.input = std::move(given);
  request.mode = "webhook";
  request.created_by = std::move(owner);
  // The first answer counts, and wakes who waits for the end (result_of).
  const auto answer = std::make_shared<WebhookAnswer>();
  const auto waits = std::make_shared<std::weak_ptr<asio::steady_timer>>();
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  request.respond = [answer, waits, executor](const std::string& text) {
    asio::post(executor, [answer, waits, text] {
      if (answer->text) return;
      answer->text = text;
      if (const auto done = waits->lock()) done->cancel();
    });
  };
  Started started = co_await start_execution(services, *target.workflow, std::move(request));
  *waits = started.done;
  co_return WebhookCall{std::move(*target.webhook), std::move(started), answer};
}

namespace {

constexpr std::uint64_t kMemoryOfByte = 6;  // bytes for a unit of weight: text, parsed JSON, the reply

const store::File* file_of(const std::vector<store::File>& files, const std::string& node_id, bool is_output) {
  for (const store::File& file : files)
    if (file.is_output == is_output && file.node_id == node_id) return &file;
  return nullptr;
}

Fault not_whole(const store::NodeExecution& row) {
  return {
      FaultKind::internal, "output_too_large",
      fmt::format("the result of node \"{}\" is too large to be handed out as JSON; it should return a pathlib.Path",
                  row.node_name)};
}

// What one execution has left for a webhook's caller. A file is streamed and takes no room; what is read into memory
// takes it before it is parsed.
class Result {
 public:
  Result(Services& services, sqlite::Db& db, std::string id, std::string owner)
      : services_(services), db_(db), id_(std::move(id)), owner_(std::move(owner)), files_(store::files_of(db, id_)) {}

  // One value is the reply itself: a file as its bytes, bytes as they are, a large value from its file.
  void take_single(const std::string& node, WebhookResult& out) {
    const auto row = store::node_of(db_, id_, node);
    if (!row) return;
    const std::string type = row->output_type.value_or("");
    const store::File* file = file_of(files_, row->node_id, false);
    if (file != nullptr && type.starts_with("pathlib.")) {
      out.file = *file;
    } else if (type == "bytes" || type == "bytearray") {
      const std::string text = text_of(*row);
      take_room(text, out);
      const json::value value = stored_json(text);
      boost::system::error_code error;
      const json::value* base64 = value.find_pointer("/value/base64", error);
      if (base64 == nullptr || !base64->is_string()) throw not_whole(*row);
      out.bytes = from_base64(base64->get_string()).value_or("");
    } else if (const store::File* whole = file_of(files_, row->node_id, true)) {
      out.file = *whole;
    } else {
      const std::string text = text_of(*row);
      take_room(text, out);
      out.value = stored_json(text);
    }
  }

  // {"node": value} of several, each whole.
  void take_all(const json::object& outputs, WebhookResult& out) {
    std::string text = "{";
    for (const auto& [name, value] : outputs) {
      const auto row = store::node_of(db_, id_, std::string(name));
      text += (text.size() > 1 ? "," : "") + json::serialize(json::value(name)) + ":" + (row ? text_of(*row) : "null");
    }
    text += "}";
    take_room(text, out);
    out.value = stored_json(text);
  }

 private:
  // The JSON text of a node's value, all of it.
  std::string text_of(const store::NodeExecution& row) const {
    if (!row.output_truncated.value_or(false)) return row.output_data.value_or("null");
    const store::File* whole = file_of(files_, row.node_id, true);
    std::string text = whole == nullptr ? "" : whole_output(services_.store, *whole);
    if (text.empty()) throw not_whole(row);
    return text;
  }
  void take_room(const std::string& text, WebhookResult& out) const {
    out.room = reply_room(services_, owner_, static_cast<std::uint64_t>(store::weight(text)) * kMemoryOfByte);
  }

  Services& services_;
  sqlite::Db& db_;
  std::string id_, owner_;
  std::vector<store::File> files_;
};

WebhookResult result_in(Services& services, sqlite::Db& db, const std::string& id, const std::string& node,
                        const std::string& owner) {
  WebhookResult out;
  const auto execution = store::find_execution(db, id);
  if (!execution) return out;
  out.status = execution->status;
  if (out.status != "completed") return out;
  Result result(services, db, id, owner);
  if (!node.empty()) {
    result.take_single(node, out);
    return out;
  }
  const auto& text = execution->output_data;
  out.room = reply_room(services, owner, static_cast<std::uint64_t>(text ? store::weight(*text) : 0) * kMemoryOfByte);
  const json::value parsed = text ? stored_json(*text) : json::value(json::object());
  const json::object outputs = parsed.is_object() ? parsed.get_object() : json::object();
  if (outputs.size() == 1) result.take_single(std::string(outputs.begin()->key()), out);
  else result.take_all(outputs, out);
  return out;
}

}  // namespace

Task<WebhookResult> result_of(Services& services, const WebhookCall& call, Presence* presence) {
  const bool answered = call.answer->text.has_value();
  const bool over = !answered && co_await wait_for(call.started, kPatience, presence);
  if (call.answer->text) {
    WebhookResult out;
    const auto weight = static_cast<std::uint64_t>(store::weight(*call.answer->text));
    out.room = reply_room(services, call.webhook.created_by.value_or(""), weight * kMemoryOfByte);
    out.response = stored_json(*call.answer->text).as_object();
    co_return out;
  }
  if (!over)
    throw Fault(FaultKind::timeout, "timeout", "the workflow is still running; its result will be in the record",
                {{"executionId", call.started.id}});
  auto read = [&services, id = call.started.id, node = call.webhook.node, owner = call.webhook.created_by.value_or("")](
                  sqlite::Db& db) { return result_in(services, db, id, node, owner); };
  WebhookResult result = co_await services.store.read(std::move(read));
  if (result.status == "waiting")
    throw Fault(FaultKind::timeout, "waiting", "the workflow waits; its result will be in the record",
                {{"executionId", call.started.id}});
  if (result.status == "queued" || result.status == "running")
    throw Fault(FaultKind::unavailable, "not_finished",
                "the workflow was accepted and will run, but not before this server stops; do not send it again",
                {{"executionId", call.started.id}});
  if (result.status != "completed")
    throw Fault(FaultKind::internal, "workflow_failed", "the workflow did not complete; the record says why",
                {{"executionId", call.started.id}});
  co_return result;
}

}  // namespace qflow::services
