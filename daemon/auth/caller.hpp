// The sender of a request, once known. Plain value.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qflow::auth {

/// What a user may manage: `user` their own rows, `admin` all rows and the users, `owner` also the admins.
enum class Role { user, admin, owner };

constexpr std::string_view word(Role role) {
  return role == Role::owner ? "owner" : role == Role::admin ? "admin" : "user";
}
constexpr std::optional<Role> role_of(std::string_view text) {
  // The words of both dialects (README.md, "Rules").
  if (text == "owner" || text == "global:owner") return Role::owner;
  if (text == "admin" || text == "global:admin") return Role::admin;
  if (text == "user" || text == "global:member") return Role::user;
  return std::nullopt;
}

struct Caller {
  /// How the caller proved who they are. Browsers send a `cookie` by themselves with every request, so it needs the
  /// defence against requests caused by other sites.
  enum class Proof { none, cookie, bearer, key };
  Proof proof = Proof::none;
  std::string user_id, email;
  Role role = Role::user;
  std::string proof_id;             ///< the session's or the key's id
  std::vector<std::string> scopes;  ///< of a key; empty for a session, which may do all its user may

  bool signed_in() const { return proof != Proof::none; }
  bool sees_all() const { return role != Role::user; }
  /// The user whose rows this caller sees; nothing: the rows of all users.
  std::optional<std::string> owner_filter() const {
    return sees_all() ? std::nullopt : std::optional<std::string>(user_id);
  }
  /// Whether the proof covers `scope` ("workflows:write"). A key's scopes have this form, or are "workflows:*",
  /// "*:read" or "*".
  bool reaches(std::string_view scope) const;
};

}  // namespace qflow::auth
