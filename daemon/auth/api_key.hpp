// API keys: what they may be limited to, and how one is made. Any thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/user_rows.hpp"

namespace qflow::auth {

/// The scopes of all dialects' calls ("workflows:read"). A key may also have * for either word of one, or * alone.
const std::vector<std::string_view>& scope_names();
/// Why `scope` is not a valid scope, with the list of valid ones; empty when it is valid.
std::string scope_problem(std::string_view scope);

/// A key that has just been made; `text` is shown once, the row has its hash.
struct NewKey {
  store::ApiKey key;
  std::string text;
};
/// `scopes`: have been checked; none: everything. `days`: how long it lasts; nothing: until it is revoked.
NewKey make_key(std::string user_id, std::string name, std::vector<std::string> scopes, std::optional<double> days);

}  // namespace qflow::auth
