#include "daemon/auth/caller.hpp"

namespace qflow::auth {

bool Caller::reaches(std::string_view scope) const {
  if (proof != Proof::key) return true;
  const auto colon = scope.find(':');
  const std::string_view resource = scope.substr(0, colon);
  const std::string_view action = colon == std::string_view::npos ? std::string_view() : scope.substr(colon + 1);
  for (const std::string_view granted : scopes) {
    if (granted == "*" || granted == scope) return true;
    if (granted.ends_with(":*") && granted.substr(0, granted.size() - 2) == resource) return true;
    if (granted.starts_with("*:") && granted.substr(2) == action) return true;
  }
  return false;
}

}  // namespace qflow::auth
