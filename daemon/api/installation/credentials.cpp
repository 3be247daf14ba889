#include "daemon/api/installation/credentials.hpp"

#include <fmt/format.h>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {
namespace {

struct Property {
  const char* name;
  const char* display_name;
  bool secret;
};
struct CredentialType {
  const char* name;
  const char* display_name;
  std::vector<Property> properties;
};

const std::vector<CredentialType>& types() {
  static const std::vector<CredentialType> kTypes{
      {"httpBasicAuth", "Basic Auth", {{"user", "User", false}, {"password", "Password", true}}},
      {"httpHeaderAuth", "Header Auth", {{"name", "Name", false}, {"value", "Value", true}}},
      {"oAuth2",
       "OAuth2",
       {{"clientId", "Client ID", false},
        {"clientSecret", "Client secret", true},
        {"accessTokenUrl", "Access token URL", false},
        {"scope", "Scope", false}}},
      {"apiKey", "API key", {{"apiKey", "API key", true}}}};
  return kTypes;
}

json::object view(const CredentialType& type) {
  json::array properties;
  for (const Property& p : type.properties)
    properties.push_back(
        json::object{{"name", p.name}, {"displayName", p.display_name}, {"type", "string"}, {"secret", p.secret}});
  return {{"name", type.name}, {"displayName", type.display_name}, {"properties", std::move(properties)}};
}

json::object view(const store::Credential& c) {
  return {{"id", c.id},
          {"name", c.name},
          {"type", c.type},
          {"createdAt", iso_time(c.created_at)},
          {"updatedAt", iso_time(c.updated_at)}};
}

void check_data(Body& body, const std::string& type, const json::object& data) {
  for (const CredentialType& known : types()) {
    if (known.name != type) continue;
    for (const auto& [key, value] : data) {
      const std::string name(key);
      const bool there = std::any_of(known.properties.begin(), known.properties.end(),
                                     [&](const Property& p) { return p.name == name; });
      if (!there) body.problem("/data/" + name, fmt::format("a credential of type {} has no such member", type));
      else if (!value.is_string()) body.problem("/data/" + name, "expected a string");
    }
    return;
  }
  body.problem("/type", fmt::format("\"{}\" is not a credential type; GET /credentials/types lists them", type));
}

Task<store::Credential> load(Services& services, const Request& request) {
  auto job = [id = request.parameter("id"), owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::find_credential(db, id, owner);
  };
  const auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("credential", request.parameter("id"));
  co_return *found;
}

}  // namespace

Task<Reply> list_credentials(Services& services, const Request& request) {
  auto job = [owner = request.caller->owner_filter()](sqlite::Db& db) {
    return store::list_credentials(db, owner, std::nullopt);
  };
  const auto rows = co_await services.store.read(std::move(job));
  json::array items;
  for (const auto& row : rows) items.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(items)}});
}

Task<Reply> create_credential(Services& services, const Request& request) {
  Body body(request.json_object());
  store::Credential c;
  c.id = new_id();
  c.name = body.required("name", 200);
  c.type = body.required("type", 100);
  const json::object* data = body.object("data");
  if (data == nullptr) body.problem("/data", "required: an object with the type's members");
  else check_data(body, c.type, *data);
  body.check();
  c.data = auth::seal(services.credential_key, json::serialize(*data), c.id);
  c.created_by = request.caller->user_id;
  c.created_at = c.updated_at = now_us();
  auto job = [c](sqlite::Tx& tx) { store::insert_credential(tx, c); };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "credential.created", c.name, {{"id", c.id}, {"type", c.type}});
  co_return Reply::of(201, view(c));
}

Task<Reply> get_credential(Services& services, const Request& request) {
  const store::Credential c = co_await load(services, request);
  co_return Reply::of(view(c));
}

Task<Reply> update_credential(Services& services, const Request& request) {
  store::Credential c = co_await load(services, request);
  Body body(request.json_object());
  if (body.has("name")) c.name = body.required("name", 200);
  const auto type = body.text("type", 100);
  const json::object* data = body.object("data");
  if (type && *type != c.type && data == nullptr) body.problem("/data", "required when the type changes");
  c.type = type.value_or(c.type);
  if (data != nullptr) check_data(body, c.type, *data);
  body.check();
  if (data != nullptr) c.data = auth::seal(services.credential_key, json::serialize(*data), c.id);
  c.updated_at = now_us();
  auto job = [c](sqlite::Tx& tx) { store::update_credential(tx, c); };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "credential.changed", c.name, {{"id", c.id}, {"data", data != nullptr}});
  co_return Reply::of(view(c));
}

Task<Reply> delete_credential(Services& services, const Request& request) {
  const store::Credential c = co_await load(services, request);
  auto job = [id = c.id](sqlite::Tx& tx) { return store::delete_credential(tx, id); };
  co_await services.store.write(std::move(job));
  audit(services, actor_of(request), "credential.deleted", c.name, {{"id", c.id}});
  co_return Reply::success();
}

Task<Reply> list_credential_types(Services&, const Request&) {
  json::array out;
  for (const CredentialType& type : types())
    out.push_back(json::object{{"name", type.name}, {"displayName", type.display_name}});
  co_return Reply::of(json::value(out));
}

Task<Reply> get_credential_type(Services&, const Request& request) {
  for (const CredentialType& type : types())
    if (type.name == request.parameter("type")) co_return Reply::of(view(type));
  throw missing("credential type", request.parameter("type"));
}

}  // namespace qflow::api
