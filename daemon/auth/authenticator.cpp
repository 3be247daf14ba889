#include "daemon/auth/authenticator.hpp"

#include <boost/json/parse.hpp>

#include "daemon/auth/jwt.hpp"
#include "daemon/base/ids.hpp"
#include "daemon/base/time.hpp"

namespace qflow::auth {
namespace {

// Another process (`qflow token revoke`) changes rows without our writer; its changes take effect after this time.
constexpr auto kRemember = std::chrono::seconds(2);
constexpr std::size_t kMostKnown = 10'000;
constexpr std::string_view kKeyPrefix = "qf_";
constexpr std::size_t kLongestSecret = 4096;

// "Bearer TOKEN", the scheme in any case (RFC 9110 11.1).
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if ((authorization[i] | 0x20) != kScheme[i]) return {};
  authorization.remove_prefix(kScheme.size());
  return authorization;
}

std::vector<std::string> scopes_of(const std::string& text) {
  std::vector<std::string> scopes;
  const boost::json::value value = boost::json::parse(text);
  for (const auto& scope : value.as_array()) scopes.emplace_back(std::string_view(scope.as_string()));
  return scopes;
}

}  // namespace

Authenticator::Authenticator(store::Store& store, const MasterKey& key)
    : store_(store), jwt_key_(key.derive("jwt-sign")) {}

// The caller, and the time when the proof ends.
std::pair<Caller, std::int64_t> Authenticator::look_up(sqlite::Db& db, bool cookie, const std::string& secret) const {
  const std::int64_t now = now_us();
  std::pair<Caller, std::int64_t> found{{}, now + 3'600'000'000};
  Caller& caller = found.first;
  std::string user_id;
  Caller::Proof proof = cookie ? Caller::Proof::cookie : Caller::Proof::bearer;
  if (!cookie && secret.starts_with(kKeyPrefix)) {
    const auto key = store::find_key_by_hash(db, token_hash(secret));
    if (!key || (key->expires_at && *key->expires_at <= now)) return {};
    proof = Caller::Proof::key;
    user_id = key->user_id;
    caller.proof_id = key->id;
    caller.scopes = scopes_of(key->scopes);
    if (key->expires_at) found.second = *key->expires_at;
    if (!key->last_used_at || now - *key->last_used_at > 60'000'000)
      store_.post([id = key->id, now](sqlite::Tx& tx) { store::touch_key(tx, id, now); });
  } else {
    std::optional<store::Session> session;
    if (cookie) {
      session = store::find_session_by_token(db, token_hash(secret));
    } else if (const auto claims = read_jwt(jwt_key_, secret, now / 1'000'000)) {
      session = store::find_session(db, claims->session_id);
      if (session && session->user_id != claims->user_id) session.reset();
    }
    if (!session || session->expires_at <= now) return {};
    user_id = session->user_id;
    caller.proof_id = session->id;
    found.second = session->expires_at;
  }
  const auto user = store::find_user(db, user_id);
  if (!user || !user->is_active) return {};
  caller.proof = proof;
  caller.user_id = user->id;
  caller.email = user->email;
  caller.role = role_of(user->role).value_or(Role::user);
  return found;
}

std::shared_ptr<const Caller> Authenticator::remembered(std::string_view authorization, std::string_view cookie) {
  static const auto kNobody = std::make_shared<const Caller>();
  const bool by_cookie = authorization.empty();
  const std::string_view secret = by_cookie ? cookie : bearer(authorization);
  if (secret.empty() || secret.size() > kLongestSecret) return kNobody;
  thread_local std::string key;  // keeps its capacity
  key.assign(1, by_cookie ? 'c' : 'b').append(secret);
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  if (found == known_.end()) return nullptr;
  const Known& known = found->second;
  if (known.generation != store_.changes().of(store::kPeople) || known.until < Clock::now() ||
      known.expires_at <= now_us())
    return nullptr;
  return known.caller;
}

Task<std::shared_ptr<const Caller>> Authenticator::identify(std::string_view authorization, std::string_view cookie) {
  if (auto caller = remembered(authorization, cookie)) co_return caller;
  const bool by_cookie = authorization.empty();
  const std::string secret(by_cookie ? cookie : bearer(authorization));
  Known known;
  known.generation = store_.changes().of(store::kPeople);
  known.until = Clock::now() + kRemember;
  auto job = [this, by_cookie, secret](sqlite::Db& db) { return look_up(db, by_cookie, secret); };
  auto found = co_await store_.read(std::move(job));
  known.caller = std::make_shared<const Caller>(std::move(found.first));
  known.expires_at = found.second;
  const auto caller = known.caller;
  if (caller->signed_in()) {  // guesses are not worth remembering
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_[(by_cookie ? 'c' : 'b') + secret] = std::move(known);
  }
  co_return caller;
}

Authenticator::SignedIn Authenticator::make_session(const store::User& user, std::chrono::seconds life) const {
  SignedIn made;
  made.cookie = random_token();
  made.session.id = new_id();
  made.session.user_id = user.id;
  made.session.session_token = token_hash(made.cookie);
  made.session.created_at = now_us();
  made.session.expires_at = made.session.created_at + life.count() * 1'000'000;
  made.jwt = make_jwt(jwt_key_, {made.session.id, user.id, made.session.expires_at / 1'000'000});
  return made;
}

std::string Authenticator::make_key_text() { return std::string(kKeyPrefix) + random_token(); }

}  // namespace qflow::auth
