// Who sends a request, once that is known. Plain value.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qflow::auth {

/// What a user may do: `user` their own rows, `admin` everybody's and the users, `owner` also the admins.
enum class Role { user, admin, owner };

constexpr std::string_view word(Role role) {
  return role == Role::owner ? "owner" : role == Role::admin ? "admin" : "user";
}
constexpr std::optional<Role> role_of(std::string_view text) {
  // Both dialects' words (api.md 2).
  if (text == "owner" || text == "global:owner") return Role::owner;
  if (text == "admin" || text == "global:admin") return Role::admin;
  if (text == "user" || text == "global:member") return Role::user;
  return std::nullopt;
}

struct Caller {
  /// How they proved it. A `cookie` comes by itself with whatever a browser sends, so it needs the defence against
  /// requests that other sites cause.
  enum class Proof { none, cookie, bearer, key };
  Proof proof = Proof::none;
  std::string user_id, email;
  Role role = Role::user;
  std::string proof_id;             ///< the session's or the key's id
  std::vector<std::string> scopes;  ///< of a key; empty for a session, which may everything its user may

  bool signed_in() const { return proof != Proof::none; }
  bool sees_all() const { return role != Role::user; }
  /// Whose rows this caller sees: nothing means everybody's.
  std::optional<std::string> owner_filter() const {
    return sees_all() ? std::nullopt : std::optional<std::string>(user_id);
  }
  /// Whether the proof reaches to `scope` ("workflows:write"). A key's scopes are such words, "workflows:*", "*:read"
  /// or "*".
  bool reaches(std::string_view scope) const;
};

}  // namespace qflow::auth
