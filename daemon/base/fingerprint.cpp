#include "daemon/base/fingerprint.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace qflow {

Fingerprint::Fingerprint() { crypto_generichash_init(&state_, nullptr, 0, crypto_generichash_BYTES); }

Fingerprint& Fingerprint::add(std::string_view text) {
  const std::uint64_t size = text.size();
  crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(&size), sizeof size);
  crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return *this;
}

std::string Fingerprint::bytes() {
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash_final(&state_, hash.data(), hash.size());
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::string Fingerprint::hex() {
  std::string out;
  for (const char byte : bytes()) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

}  // namespace qflow
