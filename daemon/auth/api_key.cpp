#include "daemon/auth/api_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "daemon/auth/authenticator.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"

namespace qflow::auth {

const std::vector<std::string_view>& scope_names() {
  static const std::vector<std::string_view> kNames{
      "ai:execute",        "audit:read",      "containers:read",  "containers:write", "credentials:read",
      "credentials:write", "executions:read", "executions:write", "files:read",       "files:write",
      "keys:read",         "keys:write",      "nodes:execute",    "nodes:read",       "nodes:write",
      "settings:read",     "settings:write",  "types:read",       "types:write",      "usage:read",
      "users:read",        "users:write",     "webhooks:read",    "webhooks:write",   "workflows:execute",
      "workflows:read",    "workflows:write"};
  return kNames;
}

std::string scope_problem(std::string_view scope) {
  const auto is = [&](std::string_view name) {
    const auto colon = name.find(':');
    const std::string_view object = name.substr(0, colon), act = name.substr(colon + 1);
    return scope == name || scope == fmt::format("{}:*", object) || scope == fmt::format("*:{}", act);
  };
  const auto& names = scope_names();
  if (scope == "*" || std::any_of(names.begin(), names.end(), is)) return {};
  return fmt::format("\"{}\" is not a scope; scopes are {}, also with * for either word, and *", scope,
                     fmt::join(names, ", "));
}

NewKey make_key(std::string user_id, std::string name, std::vector<std::string> scopes, std::optional<double> days) {
  if (scopes.empty()) scopes.emplace_back("*");
  NewKey made;
  made.text = Authenticator::make_key_text();
  store::ApiKey& key = made.key;
  key.id = new_id();
  key.user_id = std::move(user_id);
  key.name = std::move(name);
  key.scopes = boost::json::serialize(boost::json::value_from(scopes));
  key.created_at = now_us();
  if (days) key.expires_at = key.created_at + static_cast<std::int64_t>(*days * 86'400'000'000.0);
  key.key_hash = token_hash(made.text);
  key.prefix = made.text.substr(0, 9);
  return made;
}

}  // namespace qflow::auth
