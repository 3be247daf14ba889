#include "daemon/auth/token.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "daemon/fault.hpp"
#include "sandbox/sys.hpp"

namespace qflow::auth {
namespace {

std::string make_token() {
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.resize(text.find('\0'));
  return text;
}

}  // namespace

Token::Token(const std::string& directory) : path_(directory + "/token") {
  try {
    // O_EXCL: of two daemons that start at once, one makes it and both read it.
    const int made = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) {
      const sandbox::UniqueFd fd(made);
      if (!sandbox::write_all(fd.get(), make_token() + "\n")) throw sandbox::SysError(errno, "write " + path_);
    }
    struct stat info {};
    sandbox::check(::stat(path_.c_str(), &info), fmt::format("stat({})", path_));
    if ((info.st_mode & 077U) != 0)
      throw Fault(FaultKind::unavailable, "token",
                  fmt::format("{} can be read by others; chmod 600 it, or delete it for a new one", path_));
    text_ = sandbox::read_file(path_, 4096);
  } catch (const sandbox::SysError& error) {
    throw Fault(FaultKind::unavailable, "token", error.what());
  }
  text_.erase(text_.find_last_not_of(" \r\n") + 1);
  if (text_.size() < 16)
    throw Fault(FaultKind::unavailable, "token", fmt::format("{} holds no token; delete it for a new one", path_));
}

bool Token::accepts(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if ((authorization[i] | 0x20) != kScheme[i]) return false;
  const std::string_view given = authorization.substr(kScheme.size());
  // Digests have one length, so the comparison tells nothing of the token's.
  std::array<unsigned char, crypto_generichash_BYTES> a{}, b{};
  crypto_generichash(a.data(), a.size(), reinterpret_cast<const unsigned char*>(given.data()), given.size(), nullptr,
                     0);
  crypto_generichash(b.data(), b.size(), reinterpret_cast<const unsigned char*>(text_.data()), text_.size(), nullptr,
                     0);
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace qflow::auth
