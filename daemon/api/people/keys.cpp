#include "daemon/api/people/keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/api/table.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/observe/log.hpp"
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

void check_scopes(Body& body, const std::vector<std::string>& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (scopes().count(wanted[i]) == 0) {
      std::string names;
      for (const auto& name : scopes())
        if (name.find('*') == std::string::npos) names += (names.empty() ? "" : ", ") + name;
      body.problem(
          fmt::format("/scopes/{}", i),
          fmt::format("\"{}\" is not a scope; scopes are {}, also with * for either word, and *", wanted[i], names));
    }
}

}  // namespace

Task<Reply> list_api_keys(Services& services, const Request& request) {
  const bool all = request.flag("all").value_or(false) && request.caller->sees_all();
  auto job = [owner = all ? std::nullopt : std::optional(request.caller->user_id)](sqlite::Db& db) {
    return store::list_keys(db, owner);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array items;
  for (const auto& row : rows) items.push_back(view(row));
  co_return Reply::of(json::object{{"items", std::move(items)}});
}

Task<Reply> create_api_key(Services& services, const Request& request) {
  if (request.caller->proof == auth::Caller::Proof::key)
    throw Fault(FaultKind::forbidden, "needs_session", "an API key cannot create keys; sign in with a password");
  Body body(request.json_object());
  store::ApiKey key;
  key.id = new_id();
  key.user_id = request.caller->user_id;
  key.name = body.required("name", 200);
  body.line("name", 200);
  const auto wanted = body.texts("scopes").value_or(std::vector<std::string>{"*"});
  check_scopes(body, wanted);
  const auto days = body.number("expiresInDays", 0.0001, 36500);
  body.check();
  key.scopes = json::serialize(json::value_from(wanted));
  key.created_at = now_us();
  if (days) key.expires_at = key.created_at + static_cast<std::int64_t>(*days * 86'400'000'000.0);
  const std::string text = auth::Authenticator::make_key_text();
  key.key_hash = auth::token_hash(text);
  key.prefix = text.substr(0, 9);
  auto job = [key](sqlite::Tx& tx) { store::insert_key(tx, key); };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "api_key.created", key.name,
        {{"id", key.id}, {"scopes", json::value_from(wanted)}});
  json::object out = view(key);
  out["key"] = text;
  co_return Reply::of(201, out);
}

Task<Reply> delete_api_key(Services& services, const Request& request) {
  const std::string id = request.parameter("id");
  auto job = [id, owner = request.caller->owner_filter()](sqlite::Tx& tx) { return store::delete_key(tx, id, owner); };
  if (!co_await services.store.write(std::move(job))) throw missing("API key", id);
  audit(services, actor_of(request), "api_key.revoked", id);
  co_return Reply::success();
}

Task<Reply> list_audit(Services& services, const Request& request) {
  const std::int64_t before = request.integer("before", 0, 0, std::numeric_limits<std::int64_t>::max());
  const std::int64_t limit = request.integer("limit", 50, 1, 250);
  auto job = [before, limit](sqlite::Db& db) { return store::list_audit(db, before, limit); };
  const auto rows = co_await services.store.read(std::move(job));
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
