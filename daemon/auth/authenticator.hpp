// Finds the caller for a header or a cookie. Results are remembered until a user, session or key changes, so that a
// known caller costs one table look-up. Any thread.
#pragma once
#include <mutex>
#include <string>
#include <unordered_map>

#include "daemon/auth/caller.hpp"
#include "daemon/auth/secrets.hpp"
#include "daemon/base/async.hpp"
#include "daemon/store/store.hpp"
#include "daemon/store/user_rows.hpp"

namespace qflow::auth {

/// Name of the session's cookie; with the prefix that binds it to https where cookies are secure (RFC 6265bis 4.1.3).
constexpr const char* cookie_name(bool secure) { return secure ? "__Host-qflow-session" : "qflow-session"; }

class Authenticator {
 public:
  Authenticator(store::Store& store, const MasterKey& key);

  /// The caller that `authorization` (a header's value) or `cookie` (a session's) proves; otherwise a caller with no
  /// proof. A cookie does not make up for a header that proves nothing.
  Task<std::shared_ptr<const Caller>> identify(std::string_view authorization, std::string_view cookie);
  /// The caller from memory alone; null when a look-up in the store is needed.
  std::shared_ptr<const Caller> remembered(std::string_view authorization, std::string_view cookie);

  /// The result of a sign-in: a session, its cookie and its JWT.
  struct SignedIn {
    store::Session session;
    std::string cookie, jwt;
  };
  SignedIn make_session(const store::User& user, std::chrono::seconds life) const;

  /// A new key: "qf_" and 43 characters. The text is shown once; the row keeps its hash.
  static std::string make_key_text();

 private:
  struct Known {
    std::shared_ptr<const Caller> caller;  // shared with the requests under way
    std::uint64_t generation = 0;
    Clock::time_point until;
    std::int64_t expires_at = 0;
  };
  std::pair<Caller, std::int64_t> look_up(sqlite::Db& db, bool cookie, const std::string& secret) const;

  store::Store& store_;
  MasterKey::Key jwt_key_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace qflow::auth
