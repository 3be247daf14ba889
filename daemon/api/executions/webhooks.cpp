#include "daemon/api/executions/webhooks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "daemon/api/multipart.hpp"
#include "daemon/api/stored_file.hpp"
#include "daemon/base/base64.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/text.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/waiting.hpp"
#include "daemon/services/webhook_calls.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {
namespace {

json::object view(const store::Webhook& w) {
  return {{"id", w.id},
          {"workflowId", w.workflow_id},
          {"path", w.path},
          {"method", w.method},
          {"node", w.node},
          {"response", w.response},
          {"url", "/webhook/" + w.path},
          {"createdAt", iso_time(w.created_at)}};
}

constexpr std::ptrdiff_t kMostFields = 1000;  // of a form

// Of a repeated name, a list of its values.
void add_value(json::object& into, const std::string& name, json::value value) {
  json::value* found = into.if_contains(name);
  if (found == nullptr) {
    into[name] = std::move(value);
  } else if (found->is_array()) {
    found->get_array().push_back(std::move(value));
  } else {
    json::array both;
    both.push_back(*found);
    both.push_back(std::move(value));
    *found = std::move(both);
  }
}

// Bytes that are not UTF-8 are sent as base64, with their type.
json::value binary(std::string_view bytes, std::string_view type) {
  return json::object{{"base64", base64(bytes)}, {"content_type", to_utf8(type)}, {"size", bytes.size()}};
}

// By the content type: JSON as it is, a form as an object of its fields (an uploaded file as {filename, content_type,
// size, base64}), text as text, anything else as {base64, content_type, size}; null without a body.
json::value body_of(const Request& request) {
  const std::string_view type = request.header("content-type");
  if (type.find("json") != std::string_view::npos) return request.json_body();
  if (request.body.empty()) return nullptr;
  json::object fields;
  if (type.starts_with("application/x-www-form-urlencoded")) {
    if (std::count(request.body.begin(), request.body.end(), '&') >= kMostFields)
      throw Fault(FaultKind::bad_input, "too_many_fields", fmt::format("a form has at most {} fields", kMostFields));
    Request form;
    http::read_target("/?" + request.body, form);
    for (const auto& [name, value] : form.query_list)
      add_value(fields, to_utf8(name), json::value(json::string(to_utf8(value))));
    return fields;
  }
  if (type.starts_with("multipart/form-data")) {
    for (const FormPart& part : parse_multipart(type, request.body)) {
      json::value value = json::string(to_utf8(part.content));
      if (!part.filename.empty()) {
        value = binary(part.content, part.content_type);
        value.get_object()["filename"] = to_utf8(part.filename);
      }
      add_value(fields, to_utf8(part.name), std::move(value));
    }
    return fields;
  }
  if (is_utf8(request.body)) return json::value(json::string(request.body));
  return binary(request.body, type);
}

// The workflow's input, without the proofs of this server's own users.
json::object input_of(const Request& request, const std::string& path) {
  json::object headers, query;
  for (const auto& [name, value] : request.headers) {
    std::string key = name;
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool proof =
        key == "authorization" && (request.caller->signed_in() || value.find("qf_") != std::string::npos);
    if (key != "cookie" && key != "x-setup-token" && !proof) headers[key] = to_utf8(value);
  }
  for (const auto& [name, value] : request.query_list)
    add_value(query, to_utf8(name), json::value(json::string(to_utf8(value))));
  json::value body = body_of(request);
  return {{"method", request.method}, {"path", path}, {"headers", headers}, {"query", query}, {"body", body}};
}

}  // namespace

Task<Reply> list_webhooks(Services& services, const Request& request) {
  const auto rows = co_await services::list_webhooks(services, *request.caller, request.text("workflowId"));
  json::array out;
  for (const auto& row : rows) out.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(out)}});
}

Task<Reply> create_webhook(Services& services, const Request& request) {
  Body body(request.json_object());
  services::WebhookDraft wanted;
  wanted.workflow_id = body.required("workflowId", 100);
  wanted.path = body.text("path", 200);
  wanted.method = body.text("method", 10);
  wanted.node = body.text("node", 500);
  wanted.response = body.text("response", 20);
  body.check();
  const services::Actor actor = actor_of(request);
  const store::Webhook made = co_await services::create_webhook(services, *request.caller, actor, std::move(wanted));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_webhook(Services& services, const Request& request) {
  const store::Webhook found = co_await services::find_webhook(services, *request.caller, request.parameter("id"));
  co_return Reply::of(view(found));
}

Task<Reply> delete_webhook(Services& services, const Request& request) {
  const services::Actor actor = actor_of(request);
  co_await services::delete_webhook(services, *request.caller, actor, request.parameter("id"));
  co_return Reply::success();
}

// What an execution that waits for its address gets besides.
Task<Reply> resume_by_address(Services& services, const Request& request) {
  json::value came = input_of(request, "");
  came.get_object().erase("path");
  const std::string id = request.parameter("id");
  co_await services::wake_by_address(services, id, request.parameter("token"), std::move(came));
  co_return Reply::of(202, json::object{{"executionId", id}, {"status", "queued"}});
}

// What the workflow answers by qflow.respond. Its headers were checked when it was planned.
Reply response_of(const json::object& response) {
  const json::value& body = response.at("body");
  Reply reply;
  if (body.is_string()) {
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = text(body.get_string());
  } else {
    reply = Reply::of(body);
  }
  reply.status = static_cast<int>(response.at("status").to_number<std::int64_t>());
  for (const auto& [name, value] : response.at("headers").as_object()) {
    if (same_letters(name, "content-type")) reply.content_type = text(value.as_string());
    else reply.headers.emplace_back(name, text(value.as_string()));
  }
  return reply;
}

// Replies with 202 and the execution's id, or with the result, as the webhook's `response` says.
Task<Reply> call_webhook(Services& services, const Request& request) {
  const std::string path = request.parameter("path");
  std::function<json::value()> input = [&request, path] { return json::value(input_of(request, path)); };
  const services::WebhookCall call = co_await services::call_webhook(services, request.method, path, std::move(input));
  if (call.webhook.response == "accepted")
    co_return Reply::of(
        202, json::object{{"executionId", call.started.id}, {"status", call.started.queued ? "queued" : "running"}});
  const services::WebhookResult result = co_await services::result_of(services, call, request.presence);
  Reply reply;
  if (result.response) {
    reply = response_of(*result.response);
  } else if (result.file) {
    reply = stored_file(services, *result.file);
    if (result.file->is_output) reply.headers.clear();  // a value as JSON
  } else if (result.bytes) {
    reply.content_type = "application/octet-stream";
    reply.body = *result.bytes;
  } else {
    reply = Reply::of(result.value);
  }
  reply.room = result.room;
  co_return reply;
}

}  // namespace qflow::api
