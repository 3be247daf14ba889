#include "daemon/api/people/keys.hpp"

#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/api_keys.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::api {
namespace {

json::object view(const store::ApiKey& key) {
  std::string error;
  json::object out{{"id", key.id},
                   {"userId", key.user_id},
                   {"name", key.name},
                   {"prefix", key.prefix},
                   {"scopes", schema::parse_json(key.scopes, error)},
                   {"expiresAt", nullptr},
                   {"lastUsedAt", nullptr},
                   {"createdAt", iso_time(key.created_at)}};
  if (key.expires_at) out["expiresAt"] = iso_time(*key.expires_at);
  if (key.last_used_at) out["lastUsedAt"] = iso_time(*key.last_used_at);
  return out;
}

}  // namespace

Task<Reply> list_api_keys(Services& services, const Request& request) {
  const auto rows = co_await services::list_api_keys(services, *request.caller, request.flag("all").value_or(false));
  json::array items;
  for (const auto& row : rows) items.push_back(view(row));
  co_return Reply::of(json::object{{"items", std::move(items)}});
}

Task<Reply> create_api_key(Services& services, const Request& request) {
  Body body(request.json_object());
  std::string name = body.required("name", 200);
  body.line("name", 200);
  auto wanted = body.texts("scopes").value_or(std::vector<std::string>());
  const auto days = body.number("expiresInDays", 0.0001, 36500);
  body.check();
  const services::Actor actor = actor_of(request);
  const auth::NewKey made =
      co_await services::create_api_key(services, *request.caller, actor, std::move(name), std::move(wanted), days);
  json::object out = view(made.key);
  out["key"] = made.text;
  co_return Reply::of(201, out);
}

Task<Reply> delete_api_key(Services& services, const Request& request) {
  const services::Actor actor = actor_of(request);
  co_await services::revoke_api_key(services, *request.caller, actor, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> list_audit(Services& services, const Request& request) {
  const std::int64_t before = request.integer("before", 0, 0, std::numeric_limits<std::int64_t>::max());
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  const auto rows = co_await services::list_audit(services, before, limit);
  json::array items;
  for (const auto& row : rows) {
    std::string error;
    items.push_back(json::object{{"id", row.id},
                                 {"at", iso_time(row.at)},
                                 {"actor", row.actor},
                                 {"action", row.action},
                                 {"target", row.target},
                                 {"peer", row.peer},
                                 {"details", schema::parse_json(row.details, error)}});
  }
  co_return Reply::of(json::object{{"items", std::move(items)}});
}

}  // namespace qflow::api
