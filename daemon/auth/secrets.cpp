#include "daemon/auth/secrets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "daemon/base/fault.hpp"
#include "sandbox/sys.hpp"

namespace qflow::auth {
namespace {

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string base64(const unsigned char* data, std::size_t size) {
  std::string text(sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();  // the terminating zero
  return text;
}

}  // namespace

std::string hash_password(const std::string& password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    throw Fault(FaultKind::unavailable, "memory", "not enough memory to hash a password (64 MiB)");
  return hash.data();
}

bool verify_password(const std::string& hash, const std::string& password) {
  // The hash of a password that nobody knows, used when there is no hash.
  static const std::string kNobody = hash_password(random_token());
  const std::string& used = hash.empty() ? kNobody : hash;
  std::array<char, crypto_pwhash_STRBYTES> text{};
  std::copy_n(used.data(), std::min(used.size(), text.size() - 1), text.data());
  return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0 && !hash.empty();
}

void check_password_rules(std::string_view password, std::string_view field) {
  const auto has = [&](auto test) { return std::any_of(password.begin(), password.end(), test); };
  if (password.size() < 8 || password.size() > 64 || !has([](char c) { return c >= '0' && c <= '9'; }) ||
      !has([](char c) { return c >= 'A' && c <= 'Z'; }))
    throw Fault(FaultKind::bad_input, "weak_password",
                fmt::format("{}: expected 8 to 64 characters, with at least one digit and one capital", field));
}

std::string random_token() {
  std::array<unsigned char, 32> random{};
  randombytes_buf(random.data(), random.size());
  return base64(random.data(), random.size());
}

std::string token_hash(std::string_view token) {
  std::array<unsigned char, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), bytes(token), token.size(), nullptr, 0);
  std::string hex(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  // All digests have the same length, so the comparison does not reveal the secret's length.
  std::array<unsigned char, 32> x{}, y{};
  crypto_generichash(x.data(), x.size(), bytes(a), a.size(), nullptr, 0);
  crypto_generichash(y.data(), y.size(), bytes(b), b.size(), nullptr, 0);
  return sodium_memcmp(x.data(), y.data(), x.size()) == 0;
}

MasterKey::MasterKey(const std::string& path) {
  try {
    // O_EXCL: of two processes that start at once, one makes the file and both read it.
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) {
      const sandbox::UniqueFd fd(made);
      if (!sandbox::write_all(fd.get(), random_token() + "\n") || ::fsync(fd.get()) < 0)
        throw sandbox::SysError(errno, "write " + path);
    }
    struct stat info {};
    sandbox::check(::stat(path.c_str(), &info), fmt::format("stat({})", path));
    if ((info.st_mode & 077U) != 0)
      throw Fault(FaultKind::unavailable, "secret_key",
                  fmt::format("{} is readable by others; chmod 600 it. It decrypts the stored credentials", path));
    std::string text = sandbox::read_file(path, 4096);
    text.erase(text.find_last_not_of(" \r\n") + 1);
    std::size_t size = 0;
    if (sodium_base642bin(key_.data(), key_.size(), text.data(), text.size(), nullptr, &size, nullptr,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size != key_.size())
      throw Fault(
          FaultKind::unavailable, "secret_key",
          fmt::format("{} does not hold a key (32 bytes in URL-safe base64). Restore it from a backup; no other key "
                      "can decrypt the stored credentials",
                      path));
  } catch (const sandbox::SysError& error) {
    throw Fault(FaultKind::unavailable, "secret_key", error.what());
  }
}

MasterKey::~MasterKey() { sodium_memzero(key_.data(), key_.size()); }

MasterKey::Key MasterKey::derive(const char (&purpose)[9]) const {
  static_assert(crypto_kdf_KEYBYTES == 32 && crypto_kdf_CONTEXTBYTES == 8);
  Key out{};
  crypto_kdf_derive_from_key(out.data(), out.size(), 1, purpose, key_.data());
  return out;
}

std::string seal(const MasterKey::Key& key, std::string_view plain, std::string_view context) {
  std::vector<unsigned char> out(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + plain.size() +
                                 crypto_aead_xchacha20poly1305_ietf_ABYTES);
  randombytes_buf(out.data(), crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, nullptr,
                                             bytes(plain), plain.size(), bytes(context), context.size(), nullptr,
                                             out.data(), key.data());
  return base64(out.data(), out.size());
}

std::optional<std::string> unseal(const MasterKey::Key& key, std::string_view sealed, std::string_view context) {
  if (sealed.empty()) return std::nullopt;
  std::vector<unsigned char> in(sealed.size());
  std::size_t size = 0;
  if (sodium_base642bin(in.data(), in.size(), sealed.data(), sealed.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return std::nullopt;
  constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  if (size < kNonce + crypto_aead_xchacha20poly1305_ietf_ABYTES) return std::nullopt;
  std::string plain(size - kNonce - crypto_aead_xchacha20poly1305_ietf_ABYTES, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plain.data()), nullptr, nullptr,
                                                 in.data() + kNonce, size - kNonce, bytes(context), context.size(),
                                                 in.data(), key.data()) != 0)
    return std::nullopt;
  return plain;
}

}  // namespace qflow::auth
