#include "daemon/services/sealed_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/ids.hpp"
#include "daemon/base/members.hpp"
#include "daemon/base/time.hpp"
#include "daemon/services/faults.hpp"

namespace qflow::services {

const std::vector<CredentialType>& credential_types() {
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

const CredentialType* find_credential_type(std::string_view name) {
  const auto& all = credential_types();
  const auto found = std::find_if(all.begin(), all.end(), [&](const CredentialType& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

namespace {

// Throws Fault(bad_input) for an unknown type, or data that the type does not have.
void check_data(const std::string& type, const json::object& data) {
  constexpr std::size_t kMostData = 64U << 10U;
  InputProblems problems("invalid_body");
  const CredentialType* known = find_credential_type(type);
  if (known == nullptr) problems.add("/type", fmt::format("\"{}\" is not a credential type", type));
  for (const auto& [key, value] : data) {
    if (known == nullptr) break;
    const std::string name(key);
    const bool there =
        std::any_of(known->properties.begin(), known->properties.end(), [&](const auto& p) { return p.name == name; });
    if (!there) problems.add("/data/" + name, fmt::format("a credential of type {} has no such member", type));
    else if (!value.is_string()) problems.add("/data/" + name, "expected a string");
  }
  if (json::serialize(data).size() > kMostData)
    problems.add("/data", fmt::format("larger than {} KiB", kMostData >> 10U));
  problems.throw_if_any();
}

}  // namespace

Task<std::vector<store::Credential>> list_credentials(Services& services, const auth::Caller& caller) {
  auto job = [owner = caller.owner_filter()](sqlite::Db& db) {
    return store::list_credentials(db, owner, std::nullopt);
  };
  return services.store.read(std::move(job));
}

Task<store::Credential> find_credential(Services& services, const auth::Caller& caller, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Db& db) { return store::find_credential(db, id, owner); };
  auto found = co_await services.store.read(std::move(job));
  if (!found) throw missing("credential", id);
  co_return std::move(*found);
}

Task<store::Credential> create_credential(Services& services, const auth::Caller& caller, const Actor& actor,
                                          CredentialChange wanted) {
  check_data(wanted.type.value(), wanted.data.value());
  store::Credential c;
  c.id = new_id();
  c.name = wanted.name.value();
  c.type = wanted.type.value();
  c.data = auth::seal(services.credential_key, json::serialize(wanted.data.value()), c.id);
  c.created_by = caller.user_id;
  c.created_at = c.updated_at = now_us();
  auto job = [c](sqlite::Tx& tx) { store::insert_credential(tx, c); };
  co_await services.store.write(std::move(job));
  audit(services, actor, "credential.created", c.name, {{"id", c.id}, {"type", c.type}});
  co_return c;
}

Task<store::Credential> change_credential(Services& services, const auth::Caller& caller, const Actor& actor,
                                          std::string id, CredentialChange change) {
  const bool with_data = change.data.has_value();
  std::string sealed = with_data ? auth::seal(services.credential_key, json::serialize(*change.data), id) : "";
  auto job = [id, change = std::move(change), sealed = std::move(sealed),
              owner = caller.owner_filter()](sqlite::Tx& tx) {
    auto c = store::find_credential(*tx.operator->(), id, owner);
    if (!c) throw missing("credential", id);
    if (change.type && *change.type != c->type && !change.data)
      throw Fault(FaultKind::bad_input, "invalid_body", "/data: required when the type changes");
    if (change.data) check_data(change.type.value_or(c->type), *change.data);
    c->name = change.name.value_or(c->name);
    c->type = change.type.value_or(c->type);
    if (!sealed.empty()) c->data = sealed;
    c->updated_at = now_us();
    store::update_credential(tx, *c);
    return std::move(*c);
  };
  store::Credential changed = co_await services.store.write(std::move(job));
  audit(services, actor, "credential.changed", changed.name, {{"id", changed.id}, {"data", with_data}});
  co_return changed;
}

Task<> delete_credential(Services& services, const auth::Caller& caller, const Actor& actor, std::string id) {
  auto job = [id, owner = caller.owner_filter()](sqlite::Tx& tx) {
    auto c = store::find_credential(*tx.operator->(), id, owner);
    if (!c) throw missing("credential", id);
    store::delete_credential(tx, id);
    return std::move(*c);
  };
  const store::Credential gone = co_await services.store.write(std::move(job));
  audit(services, actor, "credential.deleted", gone.name, {{"id", gone.id}});
}

}  // namespace qflow::services
