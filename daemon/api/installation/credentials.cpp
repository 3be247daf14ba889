#include "daemon/api/installation/credentials.hpp"

#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/sealed_credentials.hpp"

namespace qflow::api {
namespace {

json::object view(const services::CredentialType& type) {
  json::array properties;
  for (const auto& p : type.properties)
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

}  // namespace

Task<Reply> list_credentials(Services& services, const Request& request) {
  const auto rows = co_await services::list_credentials(services, *request.caller);
  json::array items;
  for (const auto& row : rows) items.push_back(view(row));
  co_return Reply::of(json::object{{"data", std::move(items)}});
}

Task<Reply> create_credential(Services& services, const Request& request) {
  Body body(request.json_object());
  services::CredentialChange wanted;
  wanted.name = body.required("name", 200);
  wanted.type = body.required("type", 100);
  const json::object* data = body.object("data");
  if (data == nullptr) body.problem("/data", "required: an object with the type's members");
  body.check();
  wanted.data = *data;
  const services::Actor actor = actor_of(request);
  const store::Credential made =
      co_await services::create_credential(services, *request.caller, actor, std::move(wanted));
  co_return Reply::of(201, view(made));
}

Task<Reply> get_credential(Services& services, const Request& request) {
  const store::Credential c = co_await services::find_credential(services, *request.caller, request.parameter("id"));
  co_return Reply::of(view(c));
}

Task<Reply> update_credential(Services& services, const Request& request) {
  Body body(request.json_object());
  services::CredentialChange change;
  if (body.has("name")) change.name = body.required("name", 200);
  change.type = body.text("type", 100);
  if (const json::object* data = body.object("data")) change.data = *data;
  body.check();
  const services::Actor actor = actor_of(request);
  const store::Credential changed = co_await services::change_credential(services, *request.caller, actor,
                                                                         request.parameter("id"), std::move(change));
  co_return Reply::of(view(changed));
}

Task<Reply> delete_credential(Services& services, const Request& request) {
  const services::Actor actor = actor_of(request);
  co_await services::delete_credential(services, *request.caller, actor, request.parameter("id"));
  co_return Reply::success();
}

Task<Reply> list_credential_types(Services&, const Request&) {
  json::array out;
  for (const auto& type : services::credential_types())
    out.push_back(json::object{{"name", type.name}, {"displayName", type.display_name}});
  co_return Reply::of(json::value(out));
}

Task<Reply> get_credential_type(Services&, const Request& request) {
  const services::CredentialType* type = services::find_credential_type(request.parameter("type"));
  if (type == nullptr) throw missing("credential type", request.parameter("type"));
  co_return Reply::of(view(*type));
}

}  // namespace qflow::api
