// Secrets: passwords, tokens, the installation's key. libsodium throughout. Any thread; hashing a password takes 64 MiB
// and tens of milliseconds and belongs on a thread that may block.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace qflow::auth {

/// Argon2id (RFC 9106) with its salt and cost in the text (crypto_pwhash_str, OPSLIMIT_INTERACTIVE).
std::string hash_password(const std::string& password);
/// False also for an unreadable hash. An empty `hash` takes equally long, so that nobody learns which users exist.
bool verify_password(const std::string& hash, const std::string& password);
/// Throws Fault(bad_input) naming `field`: 8 to 64 characters, at least one digit and one capital (README.md, "Rules").
void check_password_rules(std::string_view password, std::string_view field = "/password");

/// 32 random bytes in URL-safe base64: a session's cookie, a key's secret part.
std::string random_token();
/// The stored form of a token: BLAKE2b-256 in hex. Enough for random tokens; passwords need hash_password().
std::string token_hash(std::string_view token);
/// Compares in a time that does not depend on where the texts differ.
bool equal_secrets(std::string_view a, std::string_view b);

/// The installation's key: 32 bytes in a file outside the database, from which the others are derived
/// (crypto_kdf: one key for each purpose).
class MasterKey {
 public:
  /// Reads `path`, or makes it with mode 0600. Throws Fault when others can read it or it does not hold a key.
  explicit MasterKey(const std::string& path);
  ~MasterKey();
  MasterKey(const MasterKey&) = delete;
  MasterKey& operator=(const MasterKey&) = delete;

  using Key = std::array<unsigned char, 32>;
  /// `purpose`: eight characters ("jwt-sign").
  Key derive(const char (&purpose)[9]) const;

 private:
  Key key_{};
};

/// XChaCha20-Poly1305 with a random nonce; `context` (the row's id) is authenticated, so that a ciphertext cannot be
/// moved to another row. Base64.
std::string seal(const MasterKey::Key& key, std::string_view plain, std::string_view context);
/// Nothing when the text was not sealed with this key and context.
std::optional<std::string> unseal(const MasterKey::Key& key, std::string_view sealed, std::string_view context);

}  // namespace qflow::auth
